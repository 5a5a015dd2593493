"""What ``monailabel start_server --app`` takes: MONAI Label wants a folder with a main.py."""
