"""The subcommands of the command line, one per file; `monai_ceph.cli` parses the arguments."""
