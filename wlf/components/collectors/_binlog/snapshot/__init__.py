"""Snapshots: tables are copied in chunks by key while their changes are read, without any lock on the server.

The algorithm is that of DBLog (Andreakis and Papapanagiotou, "DBLog: A Watermark Based Change-Data-Capture Framework",
2020), with watermarks that are read from the server in place of written to it. For each chunk:

1. The low watermark is taken: every transaction at or before it is seen by the chunk's SELECT.
2. The chunk is selected, then the high watermark is taken: what the SELECT saw was logged before it.
3. The chunk is handed out between two transactions, once the stream has reached the high watermark. Rows whose key was
   changed by a transaction behind the low watermark are left out: the stream has brought them, and newer. Where they
   are logged in part they are read once more, and from the fourth time on handed out with the columns that the stream
   brought of them: so a copy ends however much is written.
"""
