"""FuxiCTR: DeepFM from its layers (FeatureEmbedding, FactorizationMachine, MLP_Block), which its package has; the model
itself is only in its repository. Adam over everything, without its regularisers; gradients clipped as its trainer does.
"""

from __future__ import annotations

from importlib.metadata import version

import torch
from _case import Case, arguments, check_first_batch, report, train
from _torch_parts import logits_of, set_weights
from fuxictr.features import FeatureMap
from fuxictr.pytorch.layers import FactorizationMachine, FeatureEmbedding, MLP_Block
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy


class DeepFM(nn.Module):
    def __init__(self, features: FeatureMap, case: Case) -> None:
        super().__init__()
        self.embedding_layer = FeatureEmbedding(features, case.dim)
        self.fm = FactorizationMachine(features)
        self.mlp = MLP_Block(case.num_fields * case.dim, list(case.hidden), output_dim=1)

    def forward(self, ids: dict[str, Tensor]) -> Tensor:
        pooled = self.embedding_layer(ids)
        return torch.sigmoid(self.fm(ids, pooled) + self.mlp(pooled.flatten(start_dim=1))).squeeze(1)


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    case = Case(options.data)
    names = [f"f{f:02}" for f in range(case.num_fields)]
    features = FeatureMap("case", "")
    for name, v in zip(names, case.vocabulary_of, strict=True):
        features.features[name] = {"source": "", "type": "categorical", "vocab_size": case.sizes[v]}
    features.num_fields = len(names)
    model = DeepFM(features, case)
    for name, v in zip(names, case.vocabulary_of, strict=True):
        set_weights(model.embedding_layer.embedding_layer.embedding_layers[name].weight, case.latent(v))
    for parameter in model.fm.parameters():
        parameter.data.zero_()
    layers = [layer for layer in model.mlp.modules() if isinstance(layer, nn.Linear)]
    for layer, (weight, bias) in zip(layers, case.mlp(), strict=True):
        set_weights(layer.weight, weight)
        set_weights(layer.bias, bias)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    batches = []
    for batch in case.batches():
        columns = torch.from_numpy(batch["ids"].reshape(case.batch_size, case.num_fields)).T.contiguous()
        batches.append((dict(zip(names, columns, strict=True)), torch.from_numpy(batch["labels"])))

    def step(ids: dict[str, Tensor], labels: Tensor) -> None:
        optimizer.zero_grad()
        loss = binary_cross_entropy(model(ids), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()

    with torch.no_grad():
        first_loss = check_first_batch(case, logits_of(model(batches[0][0])))
    speed = train(case, [lambda batch=batch: step(*batch) for batch in batches], options.seconds)
    versions = {"torch": torch.__version__, "fuxictr": version("fuxictr")}
    report("fuxictr", case, "float32", first_loss, speed, versions)


if __name__ == "__main__":
    main()
