"""Plain torch: one table of all vocabularies, nn.Embedding or nn.EmbeddingBag, dense gradients or sparse ones.

--gradients dense: Adam over everything. --gradients sparse: SparseAdam (or --tables adagrad: Adagrad) over the tables,
Adam over the MLP. Adam is fused: without, dense gradients run at two thirds of the rate on criteo and at a third on
criteo-8m. --precision bfloat16: the MLP under torch.autocast. Many-valued fields are pooled first and crossed after:
pairs of fields.
"""

from __future__ import annotations

import torch
from _case import Case, arguments, check_first_batch, report, train
from _torch_parts import field_pairs, mlp_of, stacked_latent
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits


class DeepFM(nn.Module):
    def __init__(self, case: Case, sparse: bool) -> None:
        super().__init__()
        latent = stacked_latent(case)
        self.shape = (case.batch_size, case.num_fields)
        self.single = case.facts["single_valued"]
        if self.single:
            self.latent = nn.Embedding.from_pretrained(latent, freeze=False, sparse=sparse)
            self.linear = nn.Embedding.from_pretrained(torch.zeros(len(latent), 1), freeze=False, sparse=sparse)
        else:
            bags = {"mode": "sum", "freeze": False, "sparse": sparse}
            self.latent = nn.EmbeddingBag.from_pretrained(latent, **bags)
            self.linear = nn.EmbeddingBag.from_pretrained(torch.zeros(len(latent), 1), **bags)
        self.mlp, self.bfloat16 = mlp_of(case), False

    def tables(self) -> list[Tensor]:
        return [self.latent.weight, self.linear.weight]

    def forward(self, rows: Tensor, offsets: Tensor, weights: Tensor) -> Tensor:
        if self.single:
            pooled, linear = self.latent(rows.view(self.shape)), self.linear(rows.view(self.shape)).squeeze(-1)
        else:
            pooled = self.latent(rows, offsets[:-1], per_sample_weights=weights).view(*self.shape, -1)
            linear = self.linear(rows, offsets[:-1], per_sample_weights=weights).view(self.shape)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            deep = self.mlp(pooled.flatten(1)).squeeze(1)
        return linear.sum(1) + field_pairs(pooled) + deep.float()


def main() -> None:
    options = arguments(precisions=("float32", "bfloat16"), more={"gradients": "sparse", "tables": "adam"})
    torch.set_num_threads(options.threads)
    case, sparse = Case(options.data), options.gradients == "sparse"
    model = DeepFM(case, sparse)
    tables, dense = model.tables(), list(model.mlp.parameters())
    if not sparse:
        optimizers = [torch.optim.Adam([*tables, *dense], 1e-3, fused=True)]
    elif options.tables == "adam":
        optimizers = [torch.optim.SparseAdam(tables, 1e-3), torch.optim.Adam(dense, 1e-3, fused=True)]
    else:
        optimizers = [torch.optim.Adagrad(tables, 0.05), torch.optim.Adam(dense, 1e-3, fused=True)]
    batches = [{name: torch.from_numpy(array) for name, array in batch.items()} for batch in case.batches()]

    def logits_of(batch: dict[str, Tensor]) -> Tensor:
        return model(batch["rows"], batch["offsets"], batch["weights"])

    def step(batch: dict[str, Tensor]) -> None:
        for optimizer in optimizers:
            optimizer.zero_grad()
        binary_cross_entropy_with_logits(logits_of(batch), batch["labels"]).backward()
        for optimizer in optimizers:
            optimizer.step()

    first_loss = check_first_batch(case, logits_of(batches[0]).detach().numpy())
    model.bfloat16 = options.precision == "bfloat16"
    speed = train(case, [lambda batch=batch: step(batch) for batch in batches], options.seconds)
    report(f"torch_{options.gradients}", case, options.precision, first_loss, speed, {"torch": torch.__version__})


if __name__ == "__main__":
    main()
