"""The stable codes of Problems: what a code means never changes, and a code that is given up is not used again."""

from enum import StrEnum


class Code(StrEnum):
    """OE1xxx: reading a file; OE2xxx: one manifest; OE3xxx: across files; OE4xxx: against the live cluster."""

    SYNTAX = "OE1101"
    TAB = "OE1102"
    DIRECTIVE = "OE1103"
    ANCHOR = "OE1104"
    MERGE_KEY = "OE1105"
    TAG = "OE1106"
    DUPLICATE_KEY = "OE1107"
    KEY_NOT_TEXT = "OE1108"
    ENCODING = "OE1201"
    INVISIBLE = "OE1202"
    EMPTY_FILE = "OE1203"
    NOT_A_FILE = "OE1204"
    UNREADABLE = "OE1205"
    TOO_LARGE = "OE1301"
    TOO_COMPLEX = "OE1302"
    TOO_MANY = "OE1303"
    KEY_MATERIAL = "OE1401"
    NOT_SUPPORTED = "OE1501"

    UNKNOWN_KIND = "OE2101"
    UNKNOWN_KEY = "OE2102"
    MISSING = "OE2103"
    IGNORED_KEY = "OE2104"
    WRONG_TYPE = "OE2201"
    INVALID_VALUE = "OE2202"
    DUPLICATE_ENTRY = "OE2203"
    NO_EFFECT = "OE2301"

    DUPLICATE_NAME = "OE3101"
    DUPLICATE_CLUSTER_ID = "OE3102"
    UNKNOWN_CLUSTER = "OE3103"
    SAME_WORKER = "OE3104"
    OVERLAP = "OE3105"
    OVERLAP_UNCHECKED = "OE3106"

    FOREIGN = "OE4101"
    IMMUTABLE = "OE4102"
    REFUSED = "OE4103"
