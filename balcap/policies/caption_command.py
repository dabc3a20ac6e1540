"""`balcap caption`: a policy describes image files, or a whole data set."""

from __future__ import annotations

import json

from balcap.config import CaptionSettings
from balcap.console import say
from balcap.logging import quiet
from balcap.policies import load_to_write, locate
from balcap.policies.images import read_image
from balcap.types import Sample


def run(asked: CaptionSettings) -> int:
    """Caption every image and print it, or a data set into a folder; returns the exit code.

    Raises:
        UserError: if an image cannot be used or there is no such policy, before it is loaded.
    """
    settings = asked.resolved()
    if settings.data is not None:
        from balcap.policies.captioning.many import run as caption_data

        return caption_data(settings)
    family = locate(settings.policy).family
    samples = [Sample(id=str(path), prompt=settings.prompt, image=path) for path in settings.images]
    for sample in samples:
        read_image(sample, family)
    from balcap.policies.generation import Sampling, sampling_of, write_captions

    quiet()
    sampling = Sampling(sampling_of(settings), settings.max_tokens, settings.batch, settings.seed)
    for caption in write_captions(load_to_write(settings), samples, sampling):
        if settings.json:
            say(json.dumps({"image": caption.sample.id, "caption": caption.text}))
        elif len(samples) == 1:
            say(caption.text)
        else:
            say(f"{caption.sample.id}: {caption.text}")
    return 0
