"""DeepCTR-Torch: its DeepFM, its loss, its Adam, its training step; the loop over batches is ours.

Its regularisation of whole tables is switched off (l2_reg_* = 0): with the default of 1e-5 every step squares every
table once more (measured: a fifth of its speed), and the model's loss would not be the one compared. compile("adam")
takes torch's Adam as it comes, here too; one with fused=True would make it a quarter faster. It takes ids as one
float32 matrix, which is exact below 2^24.
"""

from __future__ import annotations

from importlib.metadata import version

import torch
from _case import Case, arguments, check_first_batch, report, train
from _torch_parts import logits_of, set_weights
from deepctr_torch.inputs import SparseFeat
from deepctr_torch.models import DeepFM
from torch import Tensor


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    case = Case(options.data)
    names = [f"f{f:02}" for f in range(case.num_fields)]
    features = [
        SparseFeat(name, case.sizes[v], embedding_dim=case.dim)
        for name, v in zip(names, case.vocabulary_of, strict=True)
    ]
    plain = {"l2_reg_linear": 0.0, "l2_reg_embedding": 0.0, "l2_reg_dnn": 0.0}
    model = DeepFM(features, features, dnn_hidden_units=tuple(case.hidden), device="cpu", **plain)
    for name, v in zip(names, case.vocabulary_of, strict=True):
        set_weights(model.embedding_dict[name].weight, case.latent(v))
        model.linear_model.embedding_dict[name].weight.data.zero_()
    layers = [*model.dnn.linears, model.dnn_linear]
    for layer, (weight, bias) in zip(layers, case.mlp(), strict=True):
        set_weights(layer.weight, weight)
        if layer.bias is not None:
            set_weights(layer.bias, bias)
    assert max(case.sizes) < 2**24, "ids would be rounded"
    model.compile("adam", "binary_crossentropy")
    batches = []
    for batch in case.batches():
        ids = batch["ids"].reshape(case.batch_size, case.num_fields)
        batches.append((torch.from_numpy(ids).float(), torch.from_numpy(batch["labels"])))

    def step(ids: Tensor, labels: Tensor) -> None:
        model.optim.zero_grad()
        loss = model.loss_func(model(ids).squeeze(), labels, reduction="sum")
        (loss + model.get_regularization_loss() + model.aux_loss).backward()
        model.optim.step()

    model.train()
    first_loss = check_first_batch(case, logits_of(model(batches[0][0]).squeeze()))
    speed = train(case, [lambda batch=batch: step(*batch) for batch in batches], options.seconds)
    versions = {"torch": torch.__version__, "deepctr-torch": version("deepctr-torch")}
    report("deepctr_torch", case, "float32", first_loss, speed, versions)


if __name__ == "__main__":
    main()
