"""The miniature's tokenizer: byte-pair encoding over whole lines: an idiom such as `for i in range(n):` is one token.

A word-level vocabulary makes answers three times as long, and a model of this size pays for every token. Numbers that
are parameters stay apart from the lines they stand in. The chat template is the ordinary contract of a chat model: a
generation prompt ends with the opened fence, and the end-of-answer token is the fence that closes it, so prompt suffix
and answer together are a fenced block.
"""

import random
from typing import TYPE_CHECKING

from compute.miniature.corpus import Corpus

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

VOCABULARY = 512
CORPUS_SIZE = 5000
PAD, UNKNOWN, OPEN, CLOSE = "<pad>", "<unk>", "```python\n", "```"

# Line feed with the indentation after it; a parameter (2 to 9); else the line up to one of these.
PIECES = r"\n *|(?:97|[^\n2-9])+|[2-9]"

CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message.content }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '```python\\n' }}{% endif %}"
)


def prompt_text(statement: str) -> str:
    """What the chat template makes of one user message."""
    return statement + OPEN


def train_tokenizer(corpus: Corpus, seed: int = 0) -> "PreTrainedTokenizerFast":
    """Learn merges from `CORPUS_SIZE` examples of `corpus`. The same corpus and seed give the same tokenizer."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    rng = random.Random(seed)
    texts = [text for _ in range(CORPUS_SIZE) for text in corpus.draw(rng)]
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(PIECES), "isolated")
    tokenizer.decoder = decoders.Fuse()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[PAD, UNKNOWN, OPEN, CLOSE], show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNKNOWN,
        eos_token=CLOSE,
        additional_special_tokens=[OPEN],
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        model_max_length=512,
    )
