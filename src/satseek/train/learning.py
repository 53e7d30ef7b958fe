"""Batches become better weights: one learner a process.

Knows no files: its whole state goes in and out as a dictionary.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from satseek.train import losses
from satseek.train.augmenting import vary
from satseek.train.optimizing import Muon, add_up, rate
from satseek.train.prompting import TEMPLATES
from satseek.train.sampling import Feed, seed_step, shares
from satseek.train.teaching import FEATURES, Teacher

if TYPE_CHECKING:
    from satseek.train.configuring import TrainConfig
    from satseek.train.sampling import Stock


class Learner:
    """A model in training, with its optimizers, its running average and its chips."""

    def __init__(
        self,
        config: TrainConfig,
        stock: Stock,
        *,
        model: Any,
        caption_ids: torch.Tensor,
        prompt_ids: torch.Tensor,
        teacher: Teacher | None,
        rank: int,
    ) -> None:
        """Take what the processes share.

        Args:
            config: The run.
            stock: Chips and truth.
            model: SigLIP, the same weights in every process.
            caption_ids: int64 (texts, context), in the order of ``stock.texts``.
            prompt_ids: int64 (labels, templates, context), in the order of ``stock.labels``.
            teacher: Trained teacher; None: no guidance.
            rank: This process, 0 to ``config.schedule.processes`` − 1.
        """
        self.config, self.stock, self.model, self.rank = config, stock, model, rank
        self.teacher = teacher
        self._caption_ids, self._prompt_ids = caption_ids, prompt_ids
        torch.manual_seed(config.seed)
        vision = model.config.vision_config
        self.guide = nn.Linear(vision.hidden_size, FEATURES)
        self.average = copy.deepcopy(model.state_dict())
        self.step = 0
        self._middle = vision.num_hidden_layers // 2
        self._feeds = self._make_feeds()
        self._muon, self._adam = self._make_optimizers()

    def _make_feeds(self) -> list[Feed]:
        plan = self.config.schedule
        sources = self.config.sources
        return [
            Feed(
                self.stock.of_source(i, held_out=False),
                share=share,
                rank=self.rank,
                world=plan.processes,
                seed=self.config.seed + 1 + i,
            )
            for i, share in enumerate(
                shares([source.weight for source in sources], plan.batch // plan.processes)
            )
        ]

    def _make_optimizers(self) -> tuple[Muon, torch.optim.AdamW]:
        plan = self.config.schedule
        matrices: list[nn.Parameter] = []
        others = list(self.guide.parameters())
        for name, p in self.model.named_parameters():
            inner = p.ndim == 2 and ("layers" in name or "head" in name)  # noqa: PLR2004
            (matrices if inner else others).append(p)
        muon = Muon(matrices, lr=plan.matrix_rate, momentum=0.95, weight_decay=plan.matrix_decay)
        adam = torch.optim.AdamW(
            others, lr=plan.other_rate, betas=(0.9, 0.95), weight_decay=plan.other_decay
        )
        return muon, adam

    def learn(self) -> dict[str, float]:
        """Take one step; all processes must call it together. Gives the losses by name."""
        plan = self.config.schedule
        factor = rate(self.step, steps=plan.steps, warmup=plan.warmup, final=plan.final)
        self._muon.param_groups[0]["lr"] = plan.matrix_rate * factor
        self._adam.param_groups[0]["lr"] = plan.other_rate * factor
        seed_step(self.config.seed, self.step, self.rank)
        parts = self._losses(torch.cat([feed.rows(self.step) for feed in self._feeds]))
        total = torch.stack(list(parts.values())).sum()
        self._muon.zero_grad()
        self._adam.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        trained = [p for o in (self._muon, self._adam) for p in o.param_groups[0]["params"]]
        add_up([p.grad for p in trained], average=True)
        self._muon.step()
        self._adam.step()
        self.step += 1
        self._follow()
        return {name: float(value.detach()) for name, value in parts.items()}

    def _losses(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        config, stock, weights = self.config, self.stock, self.config.loss
        chips = vary(stock.images[rows], size=self._size(), how=config.augment)
        pooled, middle = self._look(chips)
        told, captions = self._captions(rows)
        template = int(torch.randint(len(TEMPLATES), ()))
        ids = torch.cat([captions, self._prompt_ids[:, template]])
        words = functional.normalize(self.model.text_model(ids).pooler_output, dim=1)
        looks = functional.normalize(pooled, dim=1)
        logits = looks @ words.T * self.model.logit_scale.exp() + self.model.logit_bias
        asked, targets = logits[:, len(captions) :], stock.targets[rows]
        true = (targets == 1).float()
        exclusive = stock.exclusive[stock.source[rows]]
        related = (true[told] @ true[told].T) > 0
        parts = {
            "captions": weights.captions
            * losses.caption_loss(logits[told, : len(captions)], related),
            "match": weights.match * losses.match_loss(asked, targets),
            "share": weights.share
            * losses.share_loss(asked, targets, exclusive, smoothing=weights.smoothing),
        }
        if self.teacher is not None:
            parts |= self._guided(chips, middle, asked, rows)
        return parts

    def _guided(
        self, chips: torch.Tensor, middle: torch.Tensor, asked: torch.Tensor, rows: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        weights, stock, size = self.config.loss, self.stock, self.config.teacher.size
        assert self.teacher is not None
        with torch.no_grad():
            small = functional.interpolate(
                chips, (size, size), mode="bilinear", antialias=True, align_corners=False
            )
            answers, feature_map = self.teacher(small)
        taught = stock.main_label[rows] >= 0
        own = asked[taught][:, stock.taught_labels]
        return {
            "teacher": weights.teacher * losses.teacher_loss(own, answers[taught]),
            "guide": weights.guide * losses.guide_loss(self.guide(middle), feature_map),
        }

    def _look(self, chips: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Pooled features (n, dim) and the middle layer's patches (n, g², width)."""
        vision = self.model.vision_model
        full = chips.shape[-1] == vision.config.image_size
        hidden = vision.embeddings(chips, interpolate_pos_encoding=not full)
        middle = hidden
        for i, layer in enumerate(vision.encoder.layers):
            hidden = layer(hidden, None)
            if i == self._middle:
                middle = hidden
        return vision.head(vision.post_layernorm(hidden)), middle

    def _captions(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """One caption for some of the chips: places in ``rows`` (m,), token ids (m, context)."""
        plan, stock = self.config.schedule, self.stock
        starts = stock.caption_starts[rows]
        counts = stock.caption_starts[rows + 1] - starts
        told = (counts > 0).nonzero()[:, 0]
        told = told[torch.randperm(len(told))[: plan.texts // plan.processes]]
        drawn = (torch.rand(len(told)) * counts[told]).long()
        return told, self._caption_ids[stock.caption_rows[starts[told] + drawn]]

    def _size(self) -> int:
        plan = self.config.schedule
        full: int = self.model.config.vision_config.image_size
        early = plan.small_size > 0 and self.step < plan.small_share * plan.steps
        return plan.small_size if early else full

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the running average towards the weights, fast at first."""
        keep = min(self.config.schedule.average, self.step / (self.step + 10))
        for name, value in self.model.state_dict().items():
            self.average[name].lerp_(value, 1 - keep)

    def state(self) -> dict[str, Any]:
        """Everything a later `restore` needs."""
        return {
            "step": self.step,
            "model": self.model.state_dict(),
            "average": self.average,
            "guide": self.guide.state_dict(),
            "muon": self._muon.state_dict(),
            "adam": self._adam.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave."""
        self.step = state["step"]
        self.model.load_state_dict(state["model"])
        self.average = {k: v.clone() for k, v in state["average"].items()}
        self.guide.load_state_dict(state["guide"])
        self._muon.load_state_dict(state["muon"])
        self._adam.load_state_dict(state["adam"])
