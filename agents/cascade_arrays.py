"""Arrays of a session in mode cascade: every run of every stage, and every utterance."""

# Array ``cascade_t_ns``, int64, shape (runs, 6), in the order in which the runs were done. ARRIVAL: the last sample of
# what it computes existed. READY: it could first have been asked for; later than ARRIVAL where another stage had to
# answer before. Stages before them need time of their own, so latencies count from READY, waiting for the server too.
TIMES = "cascade_t_ns"
ARRIVAL, READY, ISSUE, FEATURES_DONE, MODEL_DONE, DONE = range(6)

# Array ``cascade_of``, int32, shape (runs, 4): number of the stage, from 0; KIND of the run; number of the utterance,
# -1 where it belongs to none; NUMBER of the run within its stage and, after the first stage, its utterance.
WHOSE = "cascade_of"
STAGE, KIND, UTTERANCE, NUMBER = range(4)
# Kinds: a chunk of audio; what ends an utterance, after which its text is there; a token of the prompt; a token of the
# reply. The first token of the reply comes with the last one of the prompt.
CHUNK, LAST, PROMPT, TOKEN = range(4)

# Array ``utterances``, int64, shape (utterances, 6): BEGIN and END in samples of the stream (END -1: it was open when
# the stream ended); when the gate had OPENED it; the arrival of the gate's chunk that closed it, and when that was DONE
# (CLOSED); when its text was there (TEXT). ``wire.NEVER_NS`` where that was never.
UTTERANCES = "utterances"
BEGIN, END, OPENED, CLOSE_ARRIVAL, CLOSED, TEXT = range(6)
OPEN_END = -1
