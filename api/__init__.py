"""The Flask host: REST API, web pages, command line and scheduler of one city. It knows plugins only through hooks."""
