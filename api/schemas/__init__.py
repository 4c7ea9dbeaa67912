"""What goes in and out of the API: marshmallow schemas, one module a subject."""
