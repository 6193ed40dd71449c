"""torch-rechub: its DeepFM, with the Adam its CTRTrainer takes; the loop over batches is ours.

It differs in two terms. Its linear part is a linear layer over the embeddings, here set to 0 at first as the linear
weights of the others are; and its MLP has batch norm, which in evaluation mode and before any training does nothing:
that is where the first loss is compared.
"""

from __future__ import annotations

from importlib.metadata import version

import torch
from _case import Case, arguments, check_first_batch, report, train
from _torch_parts import logits_of, set_weights
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy
from torch_rechub.basic.features import SparseFeature
from torch_rechub.models.ranking import DeepFM


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    case = Case(options.data)
    names = [f"f{f:02}" for f in range(case.num_fields)]
    features = [SparseFeature(n, case.sizes[v], case.dim) for n, v in zip(names, case.vocabulary_of, strict=True)]
    model = DeepFM(features, features, {"dims": case.hidden, "dropout": 0.0, "activation": "relu"})
    for name, v in zip(names, case.vocabulary_of, strict=True):
        set_weights(model.embedding.embed_dict[name].weight, case.latent(v))
    for parameter in model.linear.parameters():
        parameter.data.zero_()
    layers = [layer for layer in model.mlp.modules() if isinstance(layer, nn.Linear)]
    for layer, (weight, bias) in zip(layers, case.mlp(), strict=True):
        set_weights(layer.weight, weight)
        set_weights(layer.bias, bias)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-5)
    batches = []
    for batch in case.batches():
        columns = torch.from_numpy(batch["ids"].reshape(case.batch_size, case.num_fields)).T.contiguous()
        batches.append((dict(zip(names, columns, strict=True)), torch.from_numpy(batch["labels"])))

    def step(ids: dict[str, Tensor], labels: Tensor) -> None:
        loss = binary_cross_entropy(model(ids), labels)
        model.zero_grad()
        loss.backward()
        optimizer.step()

    model.eval()
    with torch.no_grad():
        first_loss = check_first_batch(case, logits_of(model(batches[0][0])))
    model.train()
    speed = train(case, [lambda batch=batch: step(*batch) for batch in batches], options.seconds)
    versions = {"torch": torch.__version__, "torch-rechub": version("torch-rechub")}
    report("torch_rechub", case, "float32", first_loss, speed, versions)


if __name__ == "__main__":
    main()
