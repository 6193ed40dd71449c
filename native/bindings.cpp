// Python's way to tables and Examples: checks shapes and bounds, releases the GIL, calls the headers. No maths here.
// Text has bindings_text.cpp; no other file knows Python.
#include "bindings.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "dispatch.hpp"
#include "examples.hpp"
#include "row_plan.hpp"
#include "table_kernels.hpp"

using namespace manyhot;
using namespace nb::literals;

namespace {

const KernelSet* active_kernels = pick_kernels(std::getenv("MANYHOT_LEVEL"));

std::string set_level(const std::string& level) {
  const KernelSet* chosen = pick_kernels(level.c_str());
  require(chosen, "this processor or this build has no such instruction set");
  active_kernels = chosen;
  return chosen->level;
}

// More threads than work only spin: one for each 1024 pairs.
int useful_threads(int num_threads, size_t num_pairs) {
  require(num_threads > 0, "num_threads must be at least 1");
  return static_cast<int>(std::min<size_t>(num_threads, 1 + num_pairs / 1024));
}

Table table_of(const Out<float, 2>& data, int dim, int states) {
  require(dim >= 0 && static_cast<int64_t>(data.shape(1)) >= int64_t{dim + 1} * (1 + states),
          "the table's rows are too short for its dimension and state");
  return {data.data(), static_cast<int64_t>(data.shape(1)), dim};
}

Batch batch_of(int64_t table_rows, const In<int32_t>& ids, const std::optional<In<float>>& weights,
               const In<int32_t>& offsets, int64_t num_fields) {
  require(num_fields > 0 && (offsets.size() - 1) % num_fields == 0, "offsets must hold B*F+1 numbers");
  require(!weights || weights->size() == ids.size(), "weights and ids differ in length");
  check_offsets(offsets.data(), offsets.size(), ids.size());
  check_ids(ids.data(), ids.size(), table_rows);
  return {ids.data(), data_or_null(weights), offsets.data(), static_cast<int64_t>(offsets.size() - 1) / num_fields,
          num_fields};
}

void forward(Out<float, 2> data, int dim, In<int32_t> ids, std::optional<In<float>> weights, In<int32_t> offsets,
             int64_t num_fields, bool field_pairs, Out<float, 2> linear, Out<float, 3> pooled, Out<float, 2> sum,
             Out<float, 2> bi, int num_threads) {
  const Table table = table_of(data, dim, 0);
  const Batch batch = batch_of(data.shape(0), ids, weights, offsets, num_fields);
  const size_t examples = batch.num_examples;
  require(linear.size() == examples * num_fields && pooled.size() == examples * num_fields * dim &&
              sum.size() == examples * dim && bi.size() == examples * dim,
          "an output array has the wrong size");
  const Outputs out{linear.data(), pooled.data(), sum.data(), bi.data()};
  const int threads = useful_threads(num_threads, ids.size());
  nb::gil_scoped_release release;
  active_kernels->forward(table, batch, field_pairs, out, threads);
}

using Moments = std::tuple<int, float, float, float, float, float, float, float, float, float, float, float>;

Optimizer optimizer_of(const Moments& o) {
  const int rule = std::get<0>(o);
  require(rule >= 0 && rule <= 4, "unknown optimizer rule");
  return {static_cast<Rule>(rule), std::get<1>(o), std::get<2>(o), std::get<3>(o), std::get<4>(o),  std::get<5>(o),
          std::get<6>(o),          std::get<7>(o), std::get<8>(o), std::get<9>(o), std::get<10>(o), std::get<11>(o)};
}

void backward(Out<float, 2> data, int dim, In<int32_t> ids, std::optional<In<float>> weights, In<int32_t> offsets,
              int64_t num_fields, In<int32_t> rows, In<int32_t> starts, In<int32_t> order, In<int32_t> bags,
              std::optional<In<float>> grad_linear, std::optional<In<float>> grad_pooled,
              std::optional<In<float>> grad_bi, In<float> sum, std::optional<In<float>> field_pooled,
              std::optional<Moments> optimizer, std::optional<Out<float, 2>> out, int num_threads) {
  const Optimizer rule = optimizer ? optimizer_of(*optimizer) : Optimizer{};
  const Table table = table_of(data, dim, optimizer ? states_of(rule.rule) : 0);
  const Batch batch = batch_of(data.shape(0), ids, weights, offsets, num_fields);
  const size_t bag_count = batch.num_examples * num_fields, examples = batch.num_examples;
  require(starts.size() == rows.size() + 1 && order.size() == ids.size() && bags.size() == ids.size(),
          "the row plan does not belong to this batch");
  check_ids(rows.data(), rows.size(), data.shape(0));
  check_offsets(starts.data(), starts.size(), ids.size());
  check_ids(order.data(), order.size(), ids.size());
  check_ids(bags.data(), bags.size(), bag_count);
  require((!grad_linear || grad_linear->size() == bag_count) &&
              (!grad_pooled || grad_pooled->size() == bag_count * dim) &&
              (!grad_bi || grad_bi->size() == examples * dim) && sum.size() == examples * dim &&
              (!field_pooled || field_pooled->size() == bag_count * dim),
          "a gradient has the wrong size");
  require(optimizer.has_value() != out.has_value() && (!out || out->size() == rows.size() * (dim + 1)),
          "give either an optimizer or an output of shape [R, D+1]");
  for (size_t r = 1; r < rows.size(); r++) require(rows.data()[r - 1] < rows.data()[r], "rows of the plan must rise");
  const int threads = useful_threads(num_threads, ids.size());
  const RowPlan plan{rows.data(), starts.data(), order.data(), bags.data(), static_cast<int64_t>(rows.size())};
  const Gradients gradients{data_or_null(grad_linear), data_or_null(grad_pooled), data_or_null(grad_bi), sum.data(),
                            data_or_null(field_pooled)};
  nb::gil_scoped_release release;
  active_kernels->backward(table, batch, plan, gradients, optimizer ? &rule : nullptr, out ? out->data() : nullptr,
                           threads);
}

auto plan_rows(In<int32_t> ids, int64_t num_table_rows) {
  check_ids(ids.data(), ids.size(), num_table_rows);
  std::vector<int32_t> order(ids.size()), rows, starts;
  {
    nb::gil_scoped_release release;
    RowPlanner planner;
    planner.plan(ids.data(), ids.size(), num_table_rows, order.data(), rows, starts);
  }
  return std::make_tuple(to_numpy(std::move(rows)), to_numpy(std::move(starts)), to_numpy(std::move(order)));
}

// Chunks of Examples; keeps the arrays (and so the memory map under them) alive.
class ExampleStore {
 public:
  explicit ExampleStore(int64_t num_fields) : num_fields_(num_fields) { require(num_fields > 0, "no fields"); }

  void add(In<int32_t> offsets, In<int32_t> ids, std::optional<In<float>> weights, std::optional<In<float>> labels) {
    require((offsets.size() - 1) % num_fields_ == 0, "offsets must hold rows*F+1 numbers");
    require(!weights || weights->size() == ids.size(), "weights and ids differ in length");
    check_offsets(offsets.data(), offsets.size(), ids.size());
    const int64_t rows = static_cast<int64_t>(offsets.size() - 1) / num_fields_;
    require(!labels || static_cast<int64_t>(labels->size()) == rows, "labels and rows differ in length");
    if (rows == 0) return;
    chunks_.push_back({offsets.data(), ids.data(), data_or_null(weights), data_or_null(labels), num_rows_, rows});
    num_rows_ += rows;
    kept_.emplace_back(std::move(offsets), std::move(ids), std::move(weights), std::move(labels));
  }

  int64_t num_rows() const { return num_rows_; }

  auto gather(In<int64_t> rows, In<int32_t> bases, In<uint8_t> combiners) const {
    require(static_cast<int64_t>(bases.size()) == num_fields_ && static_cast<int64_t>(combiners.size()) == num_fields_,
            "bases and combiners need one entry a field");
    for (size_t i = 0; i < rows.size(); i++)
      require(rows.data()[i] >= 0 && rows.data()[i] < num_rows_, "a row lies outside the Examples");
    for (size_t f = 0; f < combiners.size(); f++) require(combiners.data()[f] <= 2, "unknown combiner");
    GatheredBatch out;
    {
      nb::gil_scoped_release release;
      out = manyhot::gather(chunks_, rows.data(), rows.size(), num_fields_, bases.data(), combiners.data());
    }
    std::optional<Made<float>> weights;
    if (!out.unit_weights) weights = to_numpy(std::move(out.weights));
    return std::make_tuple(to_numpy(std::move(out.ids)), weights, to_numpy(std::move(out.offsets)),
                           to_numpy(std::move(out.bags)), to_numpy(std::move(out.labels)));
  }

 private:
  int64_t num_fields_, num_rows_ = 0;
  std::vector<Chunk> chunks_;
  std::vector<std::tuple<In<int32_t>, In<int32_t>, std::optional<In<float>>, std::optional<In<float>>>> kept_;
};

}  // namespace

NB_MODULE(_native, m) {
  if (!active_kernels)
    throw nb::import_error("MANYHOT_LEVEL must be baseline, x86_64_v3 or x86_64_v4, and one that this processor runs");
  m.attr("has_openmp") =
#ifdef _OPENMP
      true;
#else
      false;
#endif
  m.def("level", [] { return std::string(active_kernels->level); });
  m.def("set_level", &set_level, "level"_a);
  m.def("forward", &forward, nb::arg("table").noconvert(), nb::arg("dim"), nb::arg("ids").noconvert(),
        nb::arg("weights").noconvert().none(), nb::arg("offsets").noconvert(), nb::arg("num_fields"),
        nb::arg("field_pairs"), nb::arg("linear").noconvert(), nb::arg("pooled").noconvert(),
        nb::arg("sum").noconvert(), nb::arg("bi").noconvert(), nb::arg("num_threads"));
  m.def("backward", &backward, nb::arg("table").noconvert(), nb::arg("dim"), nb::arg("ids").noconvert(),
        nb::arg("weights").noconvert().none(), nb::arg("offsets").noconvert(), nb::arg("num_fields"),
        nb::arg("rows").noconvert(), nb::arg("starts").noconvert(), nb::arg("order").noconvert(),
        nb::arg("bags").noconvert(), nb::arg("grad_linear").noconvert().none(),
        nb::arg("grad_pooled").noconvert().none(), nb::arg("grad_bi").noconvert().none(), nb::arg("sum").noconvert(),
        nb::arg("field_pooled").noconvert().none(), nb::arg("optimizer").none(), nb::arg("out").noconvert().none(),
        nb::arg("num_threads"));
  m.def("plan_rows", &plan_rows, nb::arg("ids").noconvert(), nb::arg("num_table_rows"));
  nb::class_<ExampleStore>(m, "ExampleStore")
      .def(nb::init<int64_t>(), "num_fields"_a)
      .def("add", &ExampleStore::add, nb::arg("offsets").noconvert(), nb::arg("ids").noconvert(),
           nb::arg("weights").noconvert().none(), nb::arg("labels").noconvert().none())
      .def_prop_ro("num_rows", &ExampleStore::num_rows)
      .def("gather", &ExampleStore::gather, nb::arg("rows").noconvert(), nb::arg("bases").noconvert(),
           nb::arg("combiners").noconvert());
  bind_text(m);
}
