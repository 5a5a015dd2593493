"""Sphinx: the pages of this folder, and the API from the docstrings."""

import monai_ceph

project = "monai_ceph"
author = "monai_ceph contributors"
version = release = monai_ceph.__version__

extensions = ["myst_parser", "sphinx.ext.apidoc", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["build/html", "build/api/modules.rst"]
apidoc_modules = [
    {
        "path": "../monai_ceph",
        "destination": "build/api",
        "separate_modules": True,
        "module_first": True,
        # A program, not an API: importing it changes the server that it is loaded into.
        "exclude_patterns": ["../monai_ceph/label/server.py"],
    }
]
autodoc_member_order = "bysource"
# The annotation server and Slicer are not installed where the pages are made.
autodoc_mock_imports = [
    "monailabel",
    "fastapi",
    "starlette",
    "uvicorn",
    "requests",
    "jwt",
    "dicomweb_client",
    "qt",
    "slicer",
    "vtk",
]
# Each object once, in the module that defines it, though packages name the public ones in __all__ as well.
autodoc_default_options = {"members": True, "ignore-module-all": True, "show-inheritance": True}
autodoc_typehints = "signature"
napoleon_custom_sections = ["Source"]
html_theme = "alabaster"
html_theme_options = {"page_width": "1100px", "description": "Cephalometric landmarks from MONAI parts"}
