"""Files of a session beside its graph and its audio."""

# Files of a session beside its graph and its audio: the second graph of a transducer; words with their counts, CSV, and
# a user's own.
STEP, LEXICON, USER_LEXICON = "step", "lexicon", "user-lexicon"
PARTS = (STEP, LEXICON, USER_LEXICON)
