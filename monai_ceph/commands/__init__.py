"""What the subcommands of the command line do; `monai_ceph.cli` only parses."""
