"""All peers, and those that were looked for and cannot be had."""

from __future__ import annotations

from benchmarks.peers.canal import Canal
from benchmarks.peers.debezium_engine import DebeziumEngine
from benchmarks.peers.debezium_server import DebeziumServer
from benchmarks.peers.mysql_replication import MysqlReplication
from benchmarks.peers.mysqlbinlog import MysqlBinlog
from benchmarks.peers.peer import Peer
from benchmarks.peers.rivet import Rivet
from benchmarks.peers.rsyslog import Rsyslog
from benchmarks.peers.syslog_ng import SyslogNg
from benchmarks.peers.zongji import Zongji

_BINLOG = (MysqlBinlog(), MysqlReplication(), Rivet(), Zongji(), Canal(), DebeziumEngine(), DebeziumServer())
_LINES = (Rsyslog(), SyslogNg())
PEERS: dict[str, Peer] = {peer.name: peer for peer in (*_BINLOG, *_LINES)}

MISSING: dict[str, str] = {
    "Maxwell": "com.zendesk:maxwell is not on Maven Central",
    "go-mysql canal": "the Go module proxy does not serve github.com/go-mysql-org/go-mysql",
    "Fluent Bit": "no package of Debian, and no wheel or crate of its own",
    "Filebeat": "no package of Debian; what is called so on PyPI and npm are clients of it",
    "Vector": "no package of Debian, and not published as a crate",
}
"""What one would expect beside these, and why it is not measured."""
