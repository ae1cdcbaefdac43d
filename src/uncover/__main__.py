"""`python -m uncover` is the command `uncover`."""

import sys

from uncover.cli import main

sys.exit(main())
