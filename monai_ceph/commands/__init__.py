"""The subcommands of the command line, one per file.

A file's docstring is the description that ``monai-ceph NAME --help`` prints. ``HELP`` is its line in
``monai-ceph --help``, ``add_arguments`` adds its options to a parser, and ``run`` takes the parsed arguments and
returns the exit status. Heavy imports wait until ``run``, so that help and invalid arguments are answered at once.
"""
