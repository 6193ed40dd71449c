"""The heads and the models there are: what each computes, and the paper it comes from."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["HEADS", "MLP_OPTIONS", "MODELS", "HeadKind", "ModelKind"]

MLP_OPTIONS = ("hidden_units", "dropout", "batch_norm", "layer_order")


class HeadKind(NamedTuple):
    """term: what it adds to the logit, in a line. options: keys of [model] that it reads. paper: where it comes from.

    latent: whether it reads the latent tables.
    """

    term: str
    options: tuple[str, ...]
    paper: str
    latent: bool = True


class ModelKind(NamedTuple):
    """heads: whose terms are summed. title: as people write it. paper: where the sum comes from."""

    heads: tuple[str, ...]
    title: str
    paper: str


HEADS: dict[str, HeadKind] = {
    "linear": HeadKind("a weight a feature, a coefficient a field", (), "", latent=False),
    "fm": HeadKind("pairs of features", ("pairs",), "Rendle 2010; He & Chua 2017"),
    "deep": HeadKind("MLP over the fields' pooled latents", MLP_OPTIONS, "Guo et al. 2017"),
    "field_weighted_fm": HeadKind("pairs of features, a weight a pair of fields", ("pairs",), "Pan et al. 2018"),
    "field_aware_fm": HeadKind("pairs of features, a latent for each other field", ("pairs",), "Juan et al. 2016"),
    "bi_deep": HeadKind("MLP over the bi-interaction", ("bi_deep", *MLP_OPTIONS, "pairs"), "He & Chua 2017"),
    "linear_deep": HeadKind("MLP over the fields' linear weights and pooled latents", MLP_OPTIONS, "Zhang et al. 2016"),
    "product": HeadKind("MLP over the fields and their products", ("product", *MLP_OPTIONS), "Qu et al. 2016, 2018"),
    "attention_fm": HeadKind("pairs of fields weighted by attention", ("attention_fm", "dropout"), "Xiao et al. 2017"),
    "multi_view": HeadKind("products of all orders of the fields", (), "Cao et al. 2016"),
    "cin": HeadKind("compressed interaction network", ("cin",), "Lian et al. 2018"),
    "self_attention": HeadKind("fields attend to each other", ("self_attention", "dropout"), "Song et al. 2019"),
    "cross": HeadKind("cross layers with vectors", ("cross", *MLP_OPTIONS), "Wang et al. 2017"),
    "cross2": HeadKind("cross layers with matrices", ("cross", *MLP_OPTIONS), "Wang et al. 2021"),
    "gated_cross": HeadKind("gated cross layers", ("cross", *MLP_OPTIONS), "Wang et al. 2023"),
    "bilinear": HeadKind("MLP over bilinear pairs of fields", ("bilinear", *MLP_OPTIONS), "Huang et al. 2019"),
    "mask_blocks": HeadKind("blocks masked by the example", ("mask_blocks", *MLP_OPTIONS), "Wang et al. 2021"),
    "two_streams": HeadKind("two MLPs, fused bilinearly", ("streams", *MLP_OPTIONS), "Mao et al. 2023"),
    "final_blocks": HeadKind(
        "layers multiplied with each other", ("final_blocks", *MLP_OPTIONS[:3]), "Zhu et al. 2023"
    ),
    "wukong": HeadKind("stacked factorization machines", ("wukong", *MLP_OPTIONS), "Zhang et al. 2024"),
    "interest": HeadKind(
        "MLP over the fields and a bag as the candidate sees it", ("interest", *MLP_OPTIONS), "Zhou et al. 2018"
    ),
}

MODELS: dict[str, ModelKind] = {
    "lr": ModelKind(("linear",), "LR", ""),
    "fm": ModelKind(("linear", "fm"), "FM", "Rendle 2010, Factorization Machines"),
    "fwfm": ModelKind(("linear", "field_weighted_fm"), "FwFM", "Pan et al. 2018, Field-weighted FM"),
    "ffm": ModelKind(("linear", "field_aware_fm"), "FFM", "Juan et al. 2016, Field-aware Factorization Machines"),
    "nfm": ModelKind(("linear", "bi_deep"), "NFM", "He & Chua 2017, Neural Factorization Machines"),
    "afm": ModelKind(("linear", "attention_fm"), "AFM", "Xiao et al. 2017, Attentional Factorization Machines"),
    "mvm": ModelKind(("multi_view",), "MVM", "Cao et al. 2016, Multi-view Machines"),
    "deepmvm": ModelKind(("multi_view", "deep"), "DeepMVM", "MVM beside an MLP"),
    "dnn": ModelKind(("deep",), "DNN", "Covington et al. 2016"),
    "fnn": ModelKind(("linear_deep",), "FNN", "Zhang et al. 2016, Deep Learning over Multi-field Categorical Data"),
    "widedeep": ModelKind(("linear", "deep"), "Wide & Deep", "Cheng et al. 2016, Wide & Deep Learning"),
    "deepfm": ModelKind(("linear", "fm", "deep"), "DeepFM", "Guo et al. 2017, DeepFM"),
    "pnn": ModelKind(("product",), "PNN", "Qu et al. 2016, Product-based Neural Networks"),
    "dcn": ModelKind(("cross", "deep"), "DCN", "Wang et al. 2017, Deep & Cross Network"),
    "dcnv2": ModelKind(("cross2", "deep"), "DCNv2", "Wang et al. 2021, DCN V2"),
    "gdcn": ModelKind(("gated_cross", "deep"), "GDCN", "Wang et al. 2023, Gated Deep Cross Network"),
    "xdeepfm": ModelKind(("linear", "cin", "deep"), "xDeepFM", "Lian et al. 2018, xDeepFM"),
    "autoint": ModelKind(("linear", "self_attention", "deep"), "AutoInt+", "Song et al. 2019, AutoInt"),
    "fibinet": ModelKind(("linear", "bilinear"), "FiBiNET", "Huang et al. 2019, FiBiNET"),
    "masknet": ModelKind(("mask_blocks",), "MaskNet", "Wang et al. 2021, MaskNet"),
    "finalmlp": ModelKind(("two_streams",), "FinalMLP", "Mao et al. 2023, FinalMLP"),
    "finalnet": ModelKind(("final_blocks",), "FinalNet", "Zhu et al. 2023, FINAL"),
    "wukong": ModelKind(("wukong",), "Wukong", "Zhang et al. 2024, Wukong"),
    "din": ModelKind(("linear", "interest"), "DIN", "Zhou et al. 2018, Deep Interest Network"),
}
