// Python's way to row plans and to batches of Examples. No maths here; see bindings.hpp for what is checked where.
#include <algorithm>
#include <exception>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings.hpp"
#include "examples.hpp"
#include "row_plan.hpp"

namespace manyhot {

using namespace nb::literals;

namespace {

// Not inlined: every access to a thread's own variable would otherwise look it up again.
__attribute__((noinline)) RowPlanner& planner_of_this_thread() {
  thread_local RowPlanner planner;
  return planner;
}

using MadePlan = std::tuple<Made<int32_t>, Made<int32_t>, Made<int32_t>, std::optional<Made<float>>>;

MadePlan plan_to_numpy(PlannedRows&& plan) {
  plan.rows.size = plan.num_rows, plan.starts.size = plan.num_rows + 1;
  std::optional<Made<float>> weights;
  if (plan.weights.data) weights = to_numpy(std::move(plan.weights));
  return {to_numpy(std::move(plan.rows)), to_numpy(std::move(plan.starts)), to_numpy(std::move(plan.bags)), weights};
}

MadePlan plan_rows(In<int32_t> ids, std::optional<In<float>> weights, In<int32_t> offsets, int64_t num_table_rows) {
  check_bags(ids, weights, offsets, num_table_rows);
  RowPlanner& planner = planner_of_this_thread();
  PlannedRows out;
  {
    nb::gil_scoped_release release;
    out = planner.plan(ids.data(), data_or_null(weights), offsets.data(), offsets.size() - 1, num_table_rows);
  }
  return plan_to_numpy(std::move(out));
}

// Chunks of Examples; keeps the arrays (and so the memory map under them) alive.
class ExampleStore {
 public:
  ExampleStore(int64_t num_fields, int64_t num_labels) : num_fields_(num_fields), num_labels_(num_labels) {
    require(num_fields > 0 && num_fields <= kMostBags && num_labels > 0 && num_labels <= kMostBags,
            "the numbers of fields and of labels must lie in 1 .. 2^31 - 1");
  }

  void add(In<int32_t> offsets, In<int32_t> ids, std::optional<In<float>> weights, std::optional<In<float>> labels,
           std::optional<In<float>> example_weights) {
    const InUse::Changing alone(in_use_);
    check_aligned(offsets, ids, weights, labels, example_weights);
    const int64_t rows = check_fields(offsets.size(), num_fields_, "offsets must hold rows*F+1 numbers");
    require(!weights || weights->size() == ids.size(), "weights and ids differ in length");
    check_offsets(offsets.data(), offsets.size(), ids.size());
    require(!labels || static_cast<int64_t>(labels->size()) == rows * num_labels_, "labels and rows differ in length");
    require(!example_weights || static_cast<int64_t>(example_weights->size()) == rows,
            "example weights and rows differ in length");
    if (rows == 0) return;
    bool one_pair_a_bag = true;
    for (size_t i = 1; i < offsets.size(); i++) one_pair_a_bag &= offsets.data()[i] - offsets.data()[i - 1] == 1;
    const Chunk chunk{offsets.data(),
                      ids.data(),
                      data_or_null(weights),
                      data_or_null(labels),
                      num_rows_,
                      rows,
                      static_cast<int64_t>(ids.size()),
                      one_pair_a_bag,
                      data_or_null(example_weights)};
    kept_.emplace_back(std::move(offsets), std::move(ids), std::move(weights), std::move(labels),
                       std::move(example_weights));
    chunks_.push_back(chunk);
    num_rows_ += rows;
  }

  int64_t num_rows() const { return num_rows_; }

  // For each batch ids, weights, offsets, labels, example weights where there are any and, where num_table_rows is
  // given, the parts of its row plan.
  auto gather(const std::vector<In<int64_t>>& batches, In<int32_t> bases, In<uint8_t> combiners,
              std::optional<int64_t> num_table_rows, int num_threads) {
    check_aligned(bases, combiners);
    require(static_cast<int64_t>(bases.size()) == num_fields_ && static_cast<int64_t>(combiners.size()) == num_fields_,
            "bases and combiners need one entry a field");
    for (const auto& rows : batches) {
      check_aligned(rows);
      for (size_t i = 0; i < rows.size(); i++)
        require(rows.data()[i] >= 0 && rows.data()[i] < num_rows_, "a row lies outside the Examples");
    }
    for (size_t f = 0; f < combiners.size(); f++) require(combiners.data()[f] <= 2, "unknown combiner");
    const int64_t count = static_cast<int64_t>(batches.size());
    const int threads = useful_threads(num_threads, count);
    std::vector<GatheredBatch> gathered(count);
    std::vector<PlannedRows> plans(count);
    std::exception_ptr failed;  // none may leave a thread
    {
      const InUse::Reading reading(in_use_);
      nb::gil_scoped_release release;
      (void)threads;
#pragma omp parallel for schedule(dynamic) num_threads(threads)
      for (int64_t k = 0; k < count; k++) {
        try {
          GatheredBatch& batch = gathered[k];
          batch = manyhot::gather(chunks_, batches[k].data(), batches[k].size(), num_fields_, num_labels_, bases.data(),
                                  combiners.data());
          if (!num_table_rows) continue;
          check_ids(batch.ids.data.get(), batch.ids.size, *num_table_rows);
          plans[k] = planner_of_this_thread().plan(batch.ids.data.get(), batch.weights.data.get(),
                                                   batch.offsets.data.get(), batch.offsets.size - 1, *num_table_rows);
        } catch (...) {
#pragma omp critical
          failed = std::current_exception();
        }
      }
    }
    if (failed) std::rethrow_exception(failed);
    using Weights = std::optional<Made<float>>;
    std::vector<std::tuple<Made<int32_t>, Weights, Made<int32_t>, Made<float>, Weights, std::optional<MadePlan>>> made;
    for (int64_t k = 0; k < count; k++) {
      GatheredBatch& batch = gathered[k];
      Weights weights, example_weights;
      if (batch.weights.data) weights = to_numpy(std::move(batch.weights));
      if (batch.example_weights.data) example_weights = to_numpy(std::move(batch.example_weights));
      std::optional<MadePlan> plan;
      if (num_table_rows) plan = plan_to_numpy(std::move(plans[k]));
      made.emplace_back(to_numpy(std::move(batch.ids)), weights, to_numpy(std::move(batch.offsets)),
                        to_numpy(std::move(batch.labels)), example_weights, plan);
    }
    return made;
  }

 private:
  int64_t num_fields_, num_labels_, num_rows_ = 0;
  std::vector<Chunk> chunks_;
  InUse in_use_;
  using MaybeIn = std::optional<In<float>>;
  std::vector<std::tuple<In<int32_t>, In<int32_t>, MaybeIn, MaybeIn, MaybeIn>> kept_;
};

}  // namespace

void bind_store(nb::module_& m) {
  m.def("plan_rows", &plan_rows, nb::arg("ids").noconvert(), nb::arg("weights").noconvert().none(),
        nb::arg("offsets").noconvert(), nb::arg("num_table_rows"));
  nb::class_<ExampleStore>(m, "ExampleStore")
      .def(nb::init<int64_t, int64_t>(), "num_fields"_a, "num_labels"_a = 1)
      .def("add", &ExampleStore::add, nb::arg("offsets").noconvert(), nb::arg("ids").noconvert(),
           nb::arg("weights").noconvert().none(), nb::arg("labels").noconvert().none(),
           nb::arg("example_weights").noconvert().none() = nb::none())
      .def_prop_ro("num_rows", &ExampleStore::num_rows)
      .def("gather", &ExampleStore::gather, nb::arg("batches").noconvert(), nb::arg("bases").noconvert(),
           nb::arg("combiners").noconvert(), nb::arg("num_table_rows").none(), nb::arg("num_threads"));
}

}  // namespace manyhot
