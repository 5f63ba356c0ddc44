"""What can be asked of Leeway over HTTP? Trainers report what became of a request, and models send rows.

Off without `[web]` in the config, and then none of its libraries is loaded.
"""
