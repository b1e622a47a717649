"""Tokens a second of llama.cpp, one after another as `hardwire simulate` makes them: greedy, after the begin token.

    VENV/bin/python tests/peers/llama_cpp_speed.py MODEL.gguf BEGIN_TOKEN [THREADS] [TOKENS]     # needs llama-cpp-python and numpy

Opening the model and the first token are not counted. Prints tokens a second of wall time and of processor time (user and system), and
the tokens. On a busy machine compare processor time at one thread: llama.cpp's threads wait for each other awake.
"""
import resource, sys, time

import llama_cpp
import numpy as np

path, begin = sys.argv[1], int(sys.argv[2])
threads, count = (int(x) for x in (sys.argv[3:5] + ["1", "64"][len(sys.argv) - 3 :]))
model = llama_cpp.Llama(path, n_ctx=1024, n_threads=threads, n_threads_batch=threads, verbose=False)


def next_token(token):
    model.eval([token])
    logits = llama_cpp.llama_get_logits(model._ctx.ctx)
    return int(np.ctypeslib.as_array(logits, shape=(model.n_vocab(),)).argmax())


def processor_time():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


tokens = [next_token(begin)]
wall, busy = time.time(), processor_time()
for _ in range(count):
    tokens.append(next_token(tokens[-1]))
wall, busy = time.time() - wall, processor_time() - busy
print(f"{count / wall:.1f} tokens/s, {count / busy:.1f} tokens a processor second with {threads} threads: {tokens}")
