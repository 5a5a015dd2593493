"""Sphinx configuration: the pages in this folder, and the API reference from the docstrings."""

import monai_ceph

project = "monai_ceph"
author = "monai_ceph contributors"
version = release = monai_ceph.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["build"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_default_options = {"show-inheritance": True}
autodoc_typehints = "signature"
# Not installed where the pages are built.
autodoc_mock_imports = ["monailabel", "fastapi", "starlette", "uvicorn", "requests", "jwt", "dicomweb_client"]
napoleon_custom_sections = ["Source"]

html_theme = "alabaster"
html_theme_options = {"page_width": "1100px", "description": "Cephalometric landmarks with MONAI"}
