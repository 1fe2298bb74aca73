"""llama_server.py MODEL PORT KEY [vectors]: llama.cpp's server from the xllamacpp wheel, on loopback, until it is told to stop.

With `vectors` it answers requests for embeddings, which it then does instead of chats.
"""

import signal
import sys

import xllamacpp

model, port, key, *work = sys.argv[1:]
parameters = xllamacpp.CommonParams()
parameters.model.path = model
parameters.model_alias = {"tiny-random"}
parameters.port = int(port)
parameters.hostnames = ["127.0.0.1"]
parameters.api_keys = [key]
parameters.n_parallel = 4
parameters.n_ctx = 8192
parameters.n_predict = 256
parameters.cpuparams.n_threads = 1
parameters.warmup = False
if work == ["vectors"]:
    parameters.embedding = True
    parameters.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    parameters.n_ubatch = parameters.n_batch
server = xllamacpp.Server(parameters)
print("ready", server.listening_address, flush=True)
signal.pause()
