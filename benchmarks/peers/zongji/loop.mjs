// The loop that users of zongji write: each row of each event becomes a line of JSON. Takes a job's file and its module.
import { openSync, readFileSync, writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [jobPath, modulePath] = process.argv.slice(2);
const { source, sink } = JSON.parse(readFileSync(jobPath, 'utf8'));
const { default: ZongJi } = await import(pathToFileURL(modulePath));

const KINDS = { WriteRows: 'insert', UpdateRows: 'update', DeleteRows: 'delete' };
const ENOUGH = 1 << 20;
const out = openSync(sink.path, 'w');
let lines = '';

function flush() {
  if (lines) writeSync(out, lines);
  lines = '';
}

const zongji = new ZongJi({
  host: source.host,
  port: source.port,
  user: source.user,
  password: source.password,
  dateStrings: true,
});
zongji.on('error', (error) => {
  console.error(error);
  process.exit(1);
});
zongji.on('binlog', (event) => {
  const type = KINDS[event.getTypeName()];
  if (!type) return;
  const { parentSchema, tableName } = event.tableMap[event.tableId];
  const head = { database: parentSchema, table: tableName, type, ts: event.timestamp / 1000 };
  for (const row of event.rows) {
    const change = type === 'update' ? { ...head, data: row.after, old: row.before } : { ...head, data: row };
    lines += JSON.stringify(change) + '\n';
  }
  if (lines.length > ENOUGH) flush();
});
setInterval(flush, 50);
zongji.start({
  serverId: 4023,
  filename: source.file,
  position: source.position,
  includeEvents: ['tablemap', 'writerows', 'updaterows', 'deleterows'],
  includeSchema: { [source.database]: true },
});
