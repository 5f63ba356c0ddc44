"""What can be asked of Leeway over HTTP? So far one thing: a trainer reports what became of a request.

Off without `[web]` in the config, and then none of its libraries is loaded.
"""
