"""llama_server.py MODEL PORT KEY: llama.cpp's server from the xllamacpp wheel, on loopback, until it is told to stop."""

import signal
import sys

import xllamacpp

model, port, key = sys.argv[1:]
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
server = xllamacpp.Server(parameters)
print("ready", server.listening_address, flush=True)
signal.pause()
