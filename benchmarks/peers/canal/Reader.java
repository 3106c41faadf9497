import com.alibaba.fastjson2.JSON;
import com.alibaba.otter.canal.common.AbstractCanalLifeCycle;
import com.alibaba.otter.canal.filter.aviater.AviaterRegexFilter;
import com.alibaba.otter.canal.parse.inbound.mysql.MysqlEventParser;
import com.alibaba.otter.canal.parse.index.CanalLogPositionManager;
import com.alibaba.otter.canal.parse.support.AuthenticationInfo;
import com.alibaba.otter.canal.protocol.CanalEntry.Column;
import com.alibaba.otter.canal.protocol.CanalEntry.Entry;
import com.alibaba.otter.canal.protocol.CanalEntry.EntryType;
import com.alibaba.otter.canal.protocol.CanalEntry.RowChange;
import com.alibaba.otter.canal.protocol.CanalEntry.RowData;
import com.alibaba.otter.canal.protocol.position.EntryPosition;
import com.alibaba.otter.canal.protocol.position.LogPosition;
import com.alibaba.otter.canal.sink.CanalEventSink;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Canal's parser with the plainest sink there is: every row a line of JSON, flushed when the parser hands over a batch.
 *
 * <p>Takes host, port, user, password, database, binlog file, position, and the file to write. All cores parse.
 */
public final class Reader {

    private Reader() {
    }

    public static void main(String[] args) throws Exception {
        MysqlEventParser parser = new MysqlEventParser();
        parser.setDestination("peer");
        parser.setMasterInfo(new AuthenticationInfo(
                new InetSocketAddress(args[0], Integer.parseInt(args[1])), args[2], args[3], args[4]));
        parser.setMasterPosition(new EntryPosition(args[5], Long.parseLong(args[6])));
        parser.setSlaveId(4024);
        parser.setConnectionCharset("UTF-8");
        parser.setEventFilter(new AviaterRegexFilter(args[4] + "\\..*"));
        parser.setDetectingEnable(false);
        parser.setEnableTsdb(false);
        parser.setIsGTIDMode(false);
        parser.setParallel(true);
        parser.setLogPositionManager(new Positions());
        parser.setEventSink(new Lines(Path.of(args[7])));
        parser.start();
        Thread.currentThread().join();
    }

    private static final class Positions extends AbstractCanalLifeCycle implements CanalLogPositionManager {
        private volatile LogPosition latest;

        @Override
        public LogPosition getLatestIndexBy(String destination) {
            return latest;
        }

        @Override
        public void persistLogPosition(String destination, LogPosition position) {
            latest = position;
        }
    }

    private static final class Lines extends AbstractCanalLifeCycle implements CanalEventSink<List<Entry>> {
        private final OutputStream out;

        Lines(Path path) throws IOException {
            out = new BufferedOutputStream(Files.newOutputStream(path), 1 << 20);
        }

        @Override
        public boolean sink(List<Entry> entries, InetSocketAddress address, String destination) {
            try {
                for (Entry entry : entries) {
                    if (entry.getEntryType() == EntryType.ROWDATA) {
                        write(entry);
                    }
                }
                out.flush();
            }
            catch (IOException error) {
                throw new IllegalStateException(error);
            }
            return true;
        }

        @Override
        public void interrupt() {
        }

        private void write(Entry entry) throws IOException {
            RowChange change = RowChange.parseFrom(entry.getStoreValue());
            if (change.getIsDdl()) {
                return;
            }
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("database", entry.getHeader().getSchemaName());
            line.put("table", entry.getHeader().getTableName());
            line.put("type", change.getEventType().name());
            line.put("es", entry.getHeader().getExecuteTime());
            for (RowData row : change.getRowDatasList()) {
                boolean isAfter = row.getAfterColumnsCount() > 0;
                line.put("data", values(isAfter ? row.getAfterColumnsList() : row.getBeforeColumnsList()));
                line.put("old", isAfter && row.getBeforeColumnsCount() > 0 ? values(row.getBeforeColumnsList()) : null);
                out.write(JSON.toJSONBytes(line));
                out.write('\n');
            }
        }

        private static Map<String, String> values(List<Column> columns) {
            Map<String, String> values = new LinkedHashMap<>();
            for (Column column : columns) {
                values.put(column.getName(), column.getIsNull() ? null : column.getValue());
            }
            return values;
        }
    }
}
