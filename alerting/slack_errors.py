"""Which failure does an answer of Slack stand for?"""

import re
from collections.abc import Mapping
from datetime import datetime

from alerting.channel import DeliveryError, Failure
from alerting.exchange import Answer, refusal

# The codes of chat.postMessage, chat.update and of every method, by what helps (docs.slack.dev, "Errors").
_CODES: Mapping[Failure, frozenset[str]] = {
    Failure.TRANSIENT: frozenset(
        # Passes by itself, and Slack says that nothing was done.
        {"service_unavailable", "request_timeout", "team_added_to_org", "external_channel_migrating"}
        | {"org_login_required"}  # "undergoing an enterprise migration": comes back
    ),
    Failure.RATE: frozenset(
        {"ratelimited", "rate_limited", "message_limit_exceeded", "message_limits_exceeded"}
    ),
    # "It's possible some aspect of the operation succeeded before the error was raised."
    Failure.AMBIGUOUS: frozenset({"fatal_error", "internal_error"}),
    Failure.CHANNEL_BROKEN: frozenset(
        {"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "missing_scope"}
        | {"not_allowed_token_type", "no_permission", "access_denied", "accesslimited", "ekm_access_denied"}
        | {"team_access_not_granted", "enterprise_is_restricted", "two_factor_setup_required"}
        | {"channel_not_found", "not_in_channel", "is_archived", "is_inactive", "messages_tab_disabled"}
        | {"channel_is_limited_access", "restricted_action", "restricted_action_read_only_channel"}
        | {"restricted_action_thread_only_channel", "restricted_action_non_threadable_channel"}
        | {"restricted_action_thread_locked", "slack_connect_canvas_sharing_blocked"}
        | {"slack_connect_file_link_sharing_blocked", "method_deprecated", "deprecated_endpoint"}
        | {"method_not_supported_for_channel_type", "unknown_method", "metadata_must_be_sent_from_app"}
    ),
    Failure.PAYLOAD: frozenset(
        {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "no_text"}
        | {"attachment_payload_limit_exceeded", "too_many_attachments", "invalid_attachments"}
        | {"invalid_metadata_format", "invalid_metadata_schema", "metadata_too_large", "invalid_arguments"}
        | {"invalid_arg_name", "invalid_array_arg", "invalid_charset", "invalid_form_data"}
        | {"invalid_post_type", "missing_post_type", "invalid_json", "json_not_object", "block_mismatch"}
        | {"markdown_text_conflict", "as_user_not_supported"}
        # Of files.getUploadURLExternal and files.completeUploadExternal: of no use to send the same again.
        | {"file_not_found", "file_update_failed", "invalid_channel", "posting_to_channel_denied"}
        | {"file_uploads_disabled", "file_uploads_except_images_disabled", "storage_limit_reached"}
        | {"file_upload_size_restricted", "file_upload_size_exceeded", "blocked_file_type", "file_deleted"}
        | {"malware_detected", "missing_argument", "alt_txt_too_large", "unable_to_share_files"}
        # The plain-text retry goes out under another client_msg_id, which is what these two object to.
        | {"duplicate_channel_not_found", "duplicate_message_not_found"}
    ),
    Failure.LANE: frozenset(
        {"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"}
        | {"cannot_reply_to_message", "is_deleted"}
    ),
}


# What helps, beside the class.
_HINTS: Mapping[str, str] = {
    "not_in_channel": "; invite the app: /invite in that channel",
    "channel_not_found": "; check the channel id, and invite the app if the channel is private",
    "is_archived": "; unarchive the channel or name another",
    "invalid_auth": "; check the token",
    "token_revoked": "; reinstall the app and set the new token",
    "missing_scope": "; the app needs {scope}",
}

# What a code looks like. Anything else is not repeated: it may be the echo of a secret.
_CODE = re.compile(r"[a-z][a-z_]{1,60}")


def classify(code: str) -> Failure:
    """The class of a Slack error code. A code nobody knows is transient: kept, and tried to the deadline."""
    for failure, codes in _CODES.items():
        if code in codes:
            return failure
    return Failure.TRANSIENT


def refused(
    error: object, status: int, headers: Mapping[str, object], now: datetime, *, scope: str = "chat:write"
) -> DeliveryError:
    """For `ok: false`, or JSON with another status. A known code says more than the status.

    `scope`: what the call needs of the token.
    """
    code = error if isinstance(error, str) and _CODE.fullmatch(error) else ""
    known = any(code in codes for codes in _CODES.values())
    lower = {name.lower(): str(value) for name, value in headers.items()}
    if status != 200 and not known:
        return refusal(Answer(status=status, headers=lower, body=b"", whole=True), now)
    failure = classify(code)
    wait = None
    if failure is Failure.RATE:
        wait = refusal(Answer(status=429, headers=lower, body=b"", whole=True), now).retry_after_s
    said = f"{code or 'an error'}{'' if known else ', which is not a code we know'}"
    return DeliveryError(
        failure, f"slack answered {said}{_HINTS.get(code, '').format(scope=scope)}", retry_after_s=wait
    )


def not_slack(answer: Answer, now: datetime) -> DeliveryError:
    """For an answer that is not in Slack's form: by its status, or a proxy's page in the place of Slack."""
    if not 200 <= answer.status < 300:
        return refusal(answer, now)
    if answer.cut:
        return DeliveryError(Failure.AMBIGUOUS, "the connection ended inside slack's answer")
    return DeliveryError(Failure.TRANSIENT, "something that is not slack answered: its body is not slack's")
