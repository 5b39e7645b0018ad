"""The miniature's tokenizer: byte-pair encoding over whole lines: an idiom such as `for i in range(n):` is one token.

A word-level vocabulary makes answers three times as long, and a model of this size pays for every token. Numbers that
are parameters stay apart from the lines they stand in. The chat template is the ordinary contract of a chat model: a
generation prompt ends with the opened fence, and the end-of-answer token is the fence that closes it, so prompt suffix
and answer together are a fenced block. Where the tools of a workspace are offered it ends with an opened call in the
tagged notation of `compute.rollout.calls` instead, and the closed call ends the turn. System messages are left out.
"""

import random
from typing import TYPE_CHECKING

from compute.miniature.lessons import Lessons

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

VOCABULARY = 640
CORPUS_SIZE = 5000
CONTEXT = 1024  # tokens of a whole conversation
PAD, UNKNOWN, OPEN, CLOSE = "<pad>", "<unk>", "```python\n", "```"
OPEN_CALL, CLOSE_CALL = "<tool: ", "</tool>"

# Line feed with the indentation after it; a parameter (2 to 9); else the line up to one of these.
PIECES = r"\n *|(?:97|[^\n2-9])+|[2-9]"

CHAT_TEMPLATE = """\
{%- set works = tools is defined and tools
    and 'submit' in tools | map(attribute='function') | map(attribute='name') | list -%}
{%- for message in messages -%}
  {%- if message.role == 'assistant' and message.tool_calls -%}
    {%- for call in message.tool_calls -%}
      {%- set asked = call.function.arguments -%}
      {{- '<tool: ' + call.function.name + (' ' + asked.path if asked.path is defined else '') + '>\n' -}}
      {%- for name, text in asked.items() if name != 'path' -%}
        {{- '=======\n' if name == 'new' -}}{{- text + '\n' -}}
      {%- endfor -%}
      {{- '</tool>' -}}
    {%- endfor -%}
    {{- '\n' -}}
  {%- elif message.role == 'assistant' -%}
    {{- message.content + '\n' -}}
  {%- elif message.role != 'system' -%}
    {{- message.content -}}
  {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<tool: ' if works else '```python\n' -}}{%- endif -%}
"""


def train_tokenizer(lessons: Lessons, seed: int = 0) -> "PreTrainedTokenizerFast":
    """Learn merges from `CORPUS_SIZE` of `lessons`. The same lessons and seed give the same tokenizer."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    rng = random.Random(seed)
    drawn = [lessons.draw(rng) for _ in range(CORPUS_SIZE)]
    texts = [text for lesson in drawn for text in (*(message["content"] for message in lesson.messages), lesson.answer)]
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(PIECES), "isolated")
    tokenizer.decoder = decoders.Fuse()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[PAD, UNKNOWN, OPEN, CLOSE, OPEN_CALL, CLOSE_CALL], show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNKNOWN,
        eos_token=CLOSE,
        additional_special_tokens=[OPEN, OPEN_CALL, CLOSE_CALL],
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        model_max_length=CONTEXT,
    )
