"""Fit and encode by Apache Spark: on any DataFrame, or the files of an experiment.

    encoder = fit(df, schema)              # vocabularies and transforms, learned by all executors
    encode(df, encoder, "/shared/train")   # Examples, one file a partition
    prepare(schema, "/shared/prepared", train=df, valid=other)   # both; for `manyhot train --prepared`

Executors run the Encoder and the Fit of `manyhot.data` on the record batches that Spark hands them (`mapInArrow`); ids
and Examples are those of the embedded engine, byte for byte up to the order of the rows. Read `_tasks.py` first: it is
what runs on the executors. The only place that imports pyspark; installed by pip install "manyhot[spark]".
"""

from ._encode import encode
from ._experiment import prepare_experiment
from ._fit import fit
from ._prepare import prepare

__all__ = ["encode", "fit", "prepare", "prepare_experiment"]
