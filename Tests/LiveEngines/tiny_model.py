"""tiny_model.py FILE: writes a llama model of 0.6 MB with random weights, which says words without sense and ends by itself.

Enough to exercise a server: chat template, stop token, log-probabilities, JSON schema (every byte is a token, so any grammar can be met).
"""

import sys

import gguf
import numpy as np

WIDTH, LAYERS, HEADS, INNER, CONTEXT = 64, 2, 4, 128, 32768
WORDS = """the of and to in is you that it he was for on are as with his they at be this have from or one had by word but not what all
were we when your can said there use an each which she do how their if will up other about out many then them these so some her would make
like him into time has look two more write go see number no way could people my than first water been call who oil its now find long
down day did get come made may part batch job queue result token model answer table record value item list text data""".split()


def byte_characters():
    """GPT-2's printable stand-in for each byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in plain]
    return {byte: chr(byte) for byte in plain} | {byte: chr(256 + index) for index, byte in enumerate(hidden)}


class Vocabulary:
    def __init__(self):
        self.tokens, self.types, self.merges, self.ids = [], [], [], {}
        characters = byte_characters()
        self.visible = [self.add(characters[byte]) for byte in range(256)]
        self.visible = [index for byte, index in enumerate(self.visible) if 33 <= byte < 127 or byte in (10, 32)]
        self.words = [self.add_word(characters[32] + word) for word in dict.fromkeys(WORDS)]
        control = gguf.TokenType.CONTROL
        self.bos, self.eos = self.add("<s>", control), self.add("</s>", control)
        self.turn, self.end = self.add("<|im_start|>", control), self.add("<|im_end|>", control)

    def add(self, token, kind=gguf.TokenType.NORMAL):
        if token not in self.ids:
            self.ids[token] = len(self.tokens)
            self.tokens.append(token.encode())
            self.types.append(kind)
        return self.ids[token]

    def add_word(self, word):
        """A word is merged from left to right, a character at a time."""
        for length in range(1, len(word)):
            self.add(word[: length + 1])
            merge = f"{word[:length]} {word[length]}"
            if merge not in self.merges:
                self.merges.append(merge)
        return self.ids[word]


def main(path):
    random = np.random.default_rng(0)
    vocabulary = Vocabulary()
    count = len(vocabulary.tokens)

    def weights(*shape, scale=0.15):
        return (random.standard_normal(shape) * scale).astype(np.float32)

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny-random")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(count)
    writer.add_file_type(0)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_merges(vocabulary.merges)
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types([int(kind) for kind in vocabulary.types])
    writer.add_bos_token_id(vocabulary.bos)
    writer.add_eos_token_id(vocabulary.end)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(
        "{% for m in messages %}{{'<|im_start|>'+m['role']+'\n'+(m['content'] or '')+'<|im_end|>\n'}}{% endfor %}"
        "{% if add_generation_prompt %}{{'<|im_start|>assistant\n'}}{% endif %}"
    )

    # The first dimension is the same for every token and is never changed: with the output's first column it makes a bias, so that words
    # are likelier than single bytes, and a turn ends after some of them.
    embedding = weights(count, WIDTH, scale=1.0)
    embedding[:, 0] = 8.0
    writer.add_tensor("token_embd.weight", embedding)
    bias = np.full(count, -9.0, np.float32)
    bias[vocabulary.words] = 2.0
    bias[vocabulary.visible] = -2.5
    bias[[vocabulary.bos, vocabulary.eos, vocabulary.turn]] = -30.0
    bias[vocabulary.end] = 3.2
    output = weights(count, WIDTH, scale=0.25)
    output[:, 0] = bias / 5.0
    writer.add_tensor("output.weight", output)
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        writer.add_tensor(block + "attn_norm.weight", np.ones(WIDTH, np.float32))
        writer.add_tensor(block + "ffn_norm.weight", np.ones(WIDTH, np.float32))
        for name in ("attn_q", "attn_k", "attn_v"):
            writer.add_tensor(f"{block}{name}.weight", weights(WIDTH, WIDTH))
        mixed, down = weights(WIDTH, WIDTH), weights(WIDTH, INNER)
        mixed[0] = down[0] = 0
        writer.add_tensor(block + "attn_output.weight", mixed)
        writer.add_tensor(block + "ffn_gate.weight", weights(INNER, WIDTH))
        writer.add_tensor(block + "ffn_up.weight", weights(INNER, WIDTH))
        writer.add_tensor(block + "ffn_down.weight", down)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


main(sys.argv[1])
