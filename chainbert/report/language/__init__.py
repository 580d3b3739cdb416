"""What the report says, in the reader's language.

In: English messages with {named} places. Out: the same in the language that is spoken, from the catalogues in
``zh/*.po`` (gettext's format, which translators know); a message that no catalogue has stays English.
"""

from chainbert.report.language.speech import LANGUAGES, counted, joined, message, say, speaking, spoken, told

__all__ = ["LANGUAGES", "counted", "joined", "message", "say", "speaking", "spoken", "told"]
