"""Does this text match a glob of `*` and `?`?

`[` is a character like any other, because columns have it in their names. There are no regular expressions:
one of them can cost seconds, and few people read them right at 03:00.
"""


def is_like(text: str, pattern: str) -> bool:
    """Whether a glob of `*` and `?` takes all of `text`, upper and lower case apart.

    Goes back to the last star only, so a thousand stars cost no more than length × length.
    """
    at = star = 0
    place, mark = 0, -1  # in the pattern; the last star in it
    while at < len(text):
        if place < len(pattern) and pattern[place] == "*":
            mark, star = place, at
            place += 1
        elif place < len(pattern) and pattern[place] in ("?", text[at]):
            place, at = place + 1, at + 1
        elif mark >= 0:
            star += 1
            place, at = mark + 1, star
        else:
            return False
    return all(char == "*" for char in pattern[place:])
