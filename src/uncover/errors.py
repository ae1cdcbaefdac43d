"""The one exception that users are meant to read."""


class InputError(Exception):
    """Something a user gave us is wrong: the message is one line that says what, where and what to do.

    The command line prints it without a traceback and leaves with exit code 2.
    """
