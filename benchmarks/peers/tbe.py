"""FBGEMM's table-batched embeddings (what TorchRec runs on a CPU), exact rowwise Adagrad, and torch's MLP.

Linear weights need a table of their own of dimension 4, the smallest there is. --precision bfloat16: the MLP under
torch.autocast.
"""

from __future__ import annotations

import fbgemm_gpu
import torch
from _case import Case, arguments, check_first_batch, report, train
from _torch_parts import field_pairs, mlp_of, set_weights
from fbgemm_gpu.split_table_batched_embeddings_ops_training import (
    ComputeDevice,
    EmbeddingLocation,
    OptimType,
    PoolingMode,
    SplitTableBatchedEmbeddingBagsCodegen,
)
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def tables_of(case: Case, dim: int) -> SplitTableBatchedEmbeddingBagsCodegen:
    specs = [(size, dim, EmbeddingLocation.HOST, ComputeDevice.CPU) for size in case.sizes]
    return SplitTableBatchedEmbeddingBagsCodegen(
        specs,
        feature_table_map=case.vocabulary_of,
        optimizer=OptimType.EXACT_ROWWISE_ADAGRAD,
        learning_rate=0.05,
        eps=1e-8,
        pooling_mode=PoolingMode.SUM,
    )


def main() -> None:
    options = arguments(precisions=("float32", "bfloat16"))
    torch.set_num_threads(options.threads)
    case = Case(options.data)
    assert case.facts["single_valued"], "written for single-valued fields"
    latent, linear = tables_of(case, case.dim), tables_of(case, 4)
    for vocabulary, weight in enumerate(latent.split_embedding_weights()):
        set_weights(weight, case.latent(vocabulary))
    for weight in linear.split_embedding_weights():
        weight.data.zero_()
    mlp = mlp_of(case)
    optimizer = torch.optim.Adam(mlp.parameters(), 1e-3, fused=True)
    offsets = torch.arange(case.num_fields * case.batch_size + 1)
    batches = []
    for batch in case.batches():
        by_field = batch["ids"].reshape(case.batch_size, case.num_fields).T  # the order that TBE takes
        batches.append((torch.from_numpy(by_field.reshape(-1).copy()), torch.from_numpy(batch["labels"])))

    def logits_of(ids: Tensor, bfloat16: bool) -> Tensor:
        pooled = latent(ids, offsets).view(case.batch_size, case.num_fields, case.dim)
        terms = linear(ids, offsets).view(case.batch_size, case.num_fields, 4)[:, :, 0].sum(1)
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            deep = mlp(pooled.flatten(1)).squeeze(1)
        return terms + field_pairs(pooled) + deep.float()

    def step(ids: Tensor, labels: Tensor) -> None:
        optimizer.zero_grad()
        logits = logits_of(ids, options.precision == "bfloat16")
        binary_cross_entropy_with_logits(logits, labels).backward()
        optimizer.step()

    first_loss = check_first_batch(case, logits_of(batches[0][0], bfloat16=False).detach().numpy())
    speed = train(case, [lambda batch=batch: step(*batch) for batch in batches], options.seconds)
    versions = {"torch": torch.__version__, "fbgemm": fbgemm_gpu.__version__}
    report("tbe", case, options.precision, first_loss, speed, versions)


if __name__ == "__main__":
    main()
