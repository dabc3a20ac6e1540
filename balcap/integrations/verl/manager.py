"""How does verl let the heads score? Its reward manager, one caption a call, scored in batches."""

from __future__ import annotations

import logging
import sys
from typing import Any

from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase

from balcap.integrations.verl import told
from balcap.integrations.verl.rows import sample_within
from balcap.integrations.verl.settings import settings_for
from balcap.serving.batching import Batcher
from balcap.serving.items import Asked
from balcap.serving.scorer import Row, Scorer
from balcap.types import Caption

MAX_BATCH = 256  # captions in one call to the heads; ours
MAX_WAIT = 0.05  # seconds that the first of a batch waits for others; ours


class BalcapRewardManager(RewardManagerBase):  # type: ignore[misc]
    """Scores captions by the heads of the file that `BALCAP_CONFIG` names.

    Args:
        config: verl's; nothing is read from it.
        tokenizer: the policy's.
        compute_score: verl's own reward function; not called.
        rest: addresses of verl's reward models; not asked.

    Raises:
        UserError: as `settings_for`.
    """

    def __init__(self, config: Any, tokenizer: Any, compute_score: Any, **rest: Any) -> None:
        super().__init__(config, tokenizer, compute_score)
        settings = settings_for()
        self._heads = settings.names
        self._scorer = Scorer(settings.heads, settings.rule, settings.unit)
        self._batcher: Batcher | None = None

    async def run_single(self, data: Any) -> dict[str, Any]:
        """Score the last of a rollout's turns, as verl's own managers do.

        Args:
            data: verl's DataProto of one rollout.

        Returns:
            `reward_score` and `reward_extra_info`, as in `told`; of a fault too, which the trainer
            raises.
        """
        try:
            return told.answer(await self._row(data[-1:][0]))
        except Exception as error:
            logging.getLogger(__name__).exception("a caption could not be scored")
            return told.answer_to(error, self._heads)

    async def _row(self, item: Any) -> Row:
        responses = item.batch["responses"]
        length = int(item.batch["attention_mask"][-responses.shape[-1] :].sum())
        text = self.tokenizer.decode(responses[:length], skip_special_tokens=True)
        fields = item.non_tensor_batch
        # prompts of one id with other images are scored apart: heads know samples by their ids
        asked = Asked(Caption(sample_within(fields), text.strip()), str(fields["uid"]))
        (row,) = await self._queue().score([asked])
        return row

    def _queue(self) -> Batcher:
        if self._batcher is None:  # begun here, as it belongs to the loop that it is called in
            self._batcher = Batcher(
                self._scorer, max_batch=MAX_BATCH, max_wait=MAX_WAIT, max_queue=sys.maxsize
            )
            self._batcher.start()
        return self._batcher
