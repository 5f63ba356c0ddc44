"""What does an error of an object store ask of whom: wait, or change something?"""

import re

# By the store's own word (docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html), which S3-compatible
# stores share: does it pass by itself, and what can a person do about it.
_CODES = {
    "AccessDenied": (False, "allow s3:ListBucket on the bucket and s3:GetObject on its objects"),
    "AuthorizationHeaderMalformed": (False, "set `region` to the bucket's"),
    "ExpiredToken": (False, "give new keys and a new `session_token`"),
    "IllegalLocationConstraintException": (False, "set `region` to the bucket's"),
    "InvalidAccessKeyId": (False, "the store does not know `access_key_id`"),
    "InvalidBucketName": (False, "correct the bucket's name in `path`"),
    "InvalidObjectState": (False, "it is archived; restore it, or move it out of `path`"),
    "InvalidToken": (False, "check `session_token`: it belongs to the two keys"),
    "NoSuchBucket": (False, "correct the bucket's name in `path`, or `endpoint`"),
    "PermanentRedirect": (False, "set `region` to the bucket's"),
    "RequestTimeTooSkewed": (True, "set this machine's clock"),
    "SignatureDoesNotMatch": (False, "check `secret_access_key`"),
    "SlowDown": (True, "the store asks for fewer requests"),
    "ServiceUnavailable": (True, "the store is not well"),
    "InternalError": (True, "the store is not well"),
}
_STATUSES = {
    "301": (False, "set `region` to the bucket's"),
    "400": (False, "is `endpoint` an S3 endpoint, and `region` right"),
    "401": (False, "check `access_key_id` and `secret_access_key`"),
    "403": _CODES["AccessDenied"],
    "404": (False, "is `endpoint` an S3 endpoint, and the bucket's name right"),
    "429": _CODES["SlowDown"],
}
_UNWELL = (True, "the store is not well")
_METADATA = "169.254.169.254"  # where a machine's role is asked for, if nothing else says who we are
# What is said where no answer came; the first words that occur count.
_WORDS = (
    (
        _METADATA,
        False,
        "no keys: set access_key_id_env and secret_access_key_env, or anonymous = true",
    ),
    ("redirect without location", False, "set `region` to the bucket's"),
    ("following redirect", False, "`endpoint` leads elsewhere; name where it leads to"),
    ("too many redirects", False, "`endpoint` leads elsewhere; name where it leads to"),
    ("nvalid certificate", False, "the endpoint's certificate is not trusted by this machine"),
    ("invalid list response", False, "`endpoint` does not speak S3"),
    ("non-partial response", False, "`endpoint` does not give parts of objects: is it an S3 endpoint"),
    ("timed out", True, "no answer within `request_timeout`"),
    ("dns error", True, "the endpoint's name is not resolved"),
    ("error sending request", True, "is the endpoint reachable"),
    ("body error", True, "the connection broke"),
)
_STATUS = re.compile(r"non-2xx status code:? (\d{3})")
_DRAWN = re.compile(r"\x1b\[\d*m|↳|\s+")  # deltalake draws its errors as trees, in colour
_CODE = re.compile(r"<Code>([A-Za-z0-9]{1,60})</Code>")
_ASKED = re.compile(r"object-store error|S3 error|Error performing|object_store|S3Store")


def refusal(text: str) -> tuple[str, bool, str] | None:
    """(reason, transient, remedy), where the text of an error is about asking the store; None: about bytes.

    Nothing of the answer is repeated but the store's own word: an answer may come from anywhere.
    """
    text = " ".join(_DRAWN.sub(" ", text).split())
    status, code = _STATUS.search(text), _CODE.search(text)
    if status is not None:
        known = _CODES.get(code[1]) if code else None
        transient, remedy = known or _STATUSES.get(
            status[1], _UNWELL if status[1] >= "5" else (False, "see the store's list of error codes")
        )
        return f"the store answered {status[1]}{f' {code[1]}' if code else ''}", transient, remedy
    low = text.lower()
    for words, transient, remedy in _WORDS:
        if words in low:
            reason = "the store was not asked" if words == _METADATA else "the store did not answer"
            return reason, transient, remedy
    return ("the store did not answer", True, "is the endpoint well") if _ASKED.search(text) else None
