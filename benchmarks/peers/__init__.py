"""The programs that wlf is compared with: one file a peer, installed once, started for a job."""
