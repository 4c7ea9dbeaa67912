"""The domain of digital urban management and the workflow runtime. No web framework, no scheduler, no plugin."""

__version__ = "0.1.0"
