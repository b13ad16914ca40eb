"""Where changes become durable."""
