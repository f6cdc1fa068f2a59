"""The numbers of the advisory locks, side by side so that no two are the same; any would do, the same in every process.

A lock that a process holds for its whole life has a name instead (`storage.exclusive`).
"""

MIGRATE = 0x50C_DEF
"""Taken while the schema is changed."""
MAKE_RANGE = 0x50C_DF0
"""Taken while a range of the fallback is made: of several writers one does it, and the others find it done."""
INDEX_RANGE = 0x50C_DF1
"""The same while it gets its index."""
STORIES = 0x50C_DF2
"""Taken by whoever tells the stories of what it has written."""
WRITING = 0x50C_DF3
"""Shared by those who write. Who removes indicators takes it alone, a batch at a time, because nothing else would stop
a report of one from being added while it goes."""
