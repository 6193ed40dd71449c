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

Table table_of(const Out<float, 2>& data, int dim, const std::vector<RowRange>& ranges = {}) {
  bool fits = dim >= 0 && static_cast<int64_t>(data.shape(1)) > dim;
  for (const RowRange& range : ranges) {
    fits = fits && static_cast<int64_t>(data.shape(1)) >= range.linear_states + states_of(range.linear.rule, 1);
  }
  require(fits, "the table's rows are too short for its dimension and state");
  return {data.data(), static_cast<int64_t>(data.shape(1)), dim};
}

void check_bags(const In<int32_t>& ids, const std::optional<In<float>>& weights, const In<int32_t>& offsets,
                int64_t num_table_rows) {
  require(!weights || weights->size() == ids.size(), "weights and ids differ in length");
  check_offsets(offsets.data(), offsets.size(), ids.size());
  check_ids(ids.data(), ids.size(), num_table_rows);
}

// Pooled numbers and their gradients: float32, or bfloat16 as uint16.
using Singles = std::optional<Out<float, 3>>;
using Halves = std::optional<Out<uint16_t, 3>>;

bfloat16* halves_or_null(const Halves& array) {
  return array ? reinterpret_cast<bfloat16*>(array->data()) : nullptr;
}

bool fits(const Singles& single, const Halves& half, size_t size) {
  return (!single || single->size() == size) && (!half || half->size() == size);
}

void forward(Out<float, 2> data, int dim, In<int32_t> ids, std::optional<In<float>> weights, In<int32_t> offsets,
             int64_t num_fields, bool field_pairs, Out<float, 2> linear, Singles pooled, Halves pooled_half,
             Out<float, 2> sum, Out<float, 2> bi, int num_threads) {
  const Table table = table_of(data, dim);
  require(num_fields > 0 && (offsets.size() - 1) % num_fields == 0, "offsets must hold B*F+1 numbers");
  check_bags(ids, weights, offsets, data.shape(0));
  const size_t examples = (offsets.size() - 1) / num_fields;
  require(pooled.has_value() != pooled_half.has_value(), "give pooled in one of float32 and bfloat16");
  require(linear.size() == examples * num_fields && fits(pooled, pooled_half, examples * num_fields * dim) &&
              sum.size() == examples * dim && bi.size() == examples * dim,
          "an output array has the wrong size");
  const Batch batch{ids.data(), data_or_null(weights), offsets.data(), static_cast<int64_t>(examples), num_fields};
  const Outputs out{
      linear.data(), {pooled ? pooled->data() : nullptr, halves_or_null(pooled_half)}, sum.data(), bi.data()};
  const int threads = useful_threads(num_threads, ids.size());
  nb::gil_scoped_release release;
  active_kernels->forward(table, batch, field_pairs, out, threads);
}

using Moments =
    std::tuple<int, float, float, float, float, float, float, float, float, float, float, float, float, bool>;

Optimizer optimizer_of(const Moments& o) {
  const int rule = std::get<0>(o);
  require(rule >= 0 && rule <= 5, "unknown optimizer rule");
  return {static_cast<Rule>(rule), std::get<1>(o),  std::get<2>(o),  std::get<3>(o), std::get<4>(o),
          std::get<5>(o),          std::get<6>(o),  std::get<7>(o),  std::get<8>(o), std::get<9>(o),
          std::get<10>(o),         std::get<11>(o), std::get<12>(o), std::get<13>(o)};
}

// End of each range of rows, how latent and how linear numbers move.
using Ranges = std::vector<std::tuple<int64_t, Moments, Moments>>;

std::vector<RowRange> ranges_of(const Ranges& given, int dim, int64_t num_table_rows) {
  std::vector<RowRange> out;
  for (const auto& [end, latent, linear] : given) {
    require(end >= (out.empty() ? 0 : out.back().end), "the ends of the ranges of rows must rise");
    const Optimizer of_latent = optimizer_of(latent);
    out.push_back({end, dim + 1 + states_of(of_latent.rule, dim), of_latent, optimizer_of(linear)});
  }
  require(!out.empty() && out.back().end == num_table_rows, "the ranges of rows must end at the table's end");
  return out;
}

void check_rows(const In<int32_t>& rows, int64_t num_table_rows) {
  check_ids(rows.data(), rows.size(), num_table_rows);
  bool rising = true;
  for (size_t r = 1; r < rows.size(); r++) rising &= rows.data()[r - 1] < rows.data()[r];
  require(rising, "rows of the plan must rise");
}

// Rows that move without being in the batch are work too.
size_t rows_to_sweep(const std::vector<RowRange>& ranges) {
  size_t rows = 0;
  int64_t first = 0;
  for (const RowRange& range : ranges) {
    if (range.latent.all_rows || range.linear.all_rows) rows += range.end - first;
    first = range.end;
  }
  return rows;
}

void backward(Out<float, 2> data, int dim, In<int32_t> rows, In<int32_t> starts, In<int32_t> bags,
              std::optional<In<float>> weights, std::optional<Out<float, 2>> grad_linear, Singles grad_pooled,
              Halves grad_pooled_half, std::optional<Out<float, 2>> grad_bi, Out<float, 2> sum, Singles field_pooled,
              int64_t num_fields, const std::optional<Ranges>& moved, std::optional<Out<float, 2>> out,
              int num_threads) {
  const std::vector<RowRange> ranges = moved ? ranges_of(*moved, dim, data.shape(0)) : std::vector<RowRange>{};
  const Table table = table_of(data, dim, ranges);
  const size_t examples = sum.shape(0), num_bags = examples * num_fields;
  require(num_fields > 0 && starts.size() == rows.size() + 1 && (!weights || weights->size() == bags.size()),
          "the parts of the row plan differ in length");
  check_rows(rows, data.shape(0));
  check_offsets(starts.data(), starts.size(), bags.size());
  check_ids(bags.data(), bags.size(), num_bags, "a bag of the row plan lies outside the batch");
  require((!grad_linear || grad_linear->size() == num_bags) && fits(grad_pooled, grad_pooled_half, num_bags * dim) &&
              (!grad_bi || grad_bi->size() == examples * dim) && sum.size() == examples * dim &&
              fits(field_pooled, std::nullopt, num_bags * dim),
          "a gradient has the wrong size");
  require(!grad_pooled || !grad_pooled_half, "give the gradient of pooled in one of float32 and bfloat16");
  require(moved.has_value() != out.has_value() && (!out || out->size() == rows.size() * (dim + 1)),
          "give either optimizers or an output of shape [R, D+1]");
  const int threads = useful_threads(num_threads, bags.size() + rows_to_sweep(ranges));
  const RowPlan plan{rows.data(), starts.data(), bags.data(), data_or_null(weights), static_cast<int64_t>(rows.size()),
                     num_fields};
  const Gradients gradients{grad_linear ? grad_linear->data() : nullptr,
                            {grad_pooled ? grad_pooled->data() : nullptr, halves_or_null(grad_pooled_half)},
                            grad_bi ? grad_bi->data() : nullptr,
                            sum.data(),
                            field_pooled ? field_pooled->data() : nullptr};
  const Rules rules{ranges.data(), static_cast<int64_t>(ranges.size())};
  nb::gil_scoped_release release;
  active_kernels->backward(table, plan, gradients, moved ? &rules : nullptr, out ? out->data() : nullptr, threads);
}

void move_rows(Out<float, 2> data, int dim, In<int32_t> rows, Out<float, 2> gradients, float factor,
               const Ranges& moved, int num_threads) {
  const std::vector<RowRange> ranges = ranges_of(moved, dim, data.shape(0));
  const Table table = table_of(data, dim, ranges);
  check_rows(rows, data.shape(0));
  require(gradients.size() == rows.size() * (dim + 1), "a gradient has the wrong size");
  const int threads = useful_threads(num_threads, rows.size() + rows_to_sweep(ranges));
  const Rules rules{ranges.data(), static_cast<int64_t>(ranges.size())};
  nb::gil_scoped_release release;
  active_kernels->move(table, rows.data(), static_cast<int64_t>(rows.size()), gradients.data(), factor, rules, threads);
}

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
    require(num_fields > 0 && num_labels > 0, "no fields or no labels");
  }

  void add(In<int32_t> offsets, In<int32_t> ids, std::optional<In<float>> weights, std::optional<In<float>> labels,
           std::optional<In<float>> example_weights) {
    require((offsets.size() - 1) % num_fields_ == 0, "offsets must hold rows*F+1 numbers");
    require(!weights || weights->size() == ids.size(), "weights and ids differ in length");
    check_offsets(offsets.data(), offsets.size(), ids.size());
    const int64_t rows = static_cast<int64_t>(offsets.size() - 1) / num_fields_;
    require(!labels || static_cast<int64_t>(labels->size()) == rows * num_labels_, "labels and rows differ in length");
    require(!example_weights || static_cast<int64_t>(example_weights->size()) == rows,
            "example weights and rows differ in length");
    if (rows == 0) return;
    bool one_pair_a_bag = true;
    for (size_t i = 1; i < offsets.size(); i++) one_pair_a_bag &= offsets.data()[i] - offsets.data()[i - 1] == 1;
    chunks_.push_back({offsets.data(), ids.data(), data_or_null(weights), data_or_null(labels), num_rows_, rows,
                       one_pair_a_bag, data_or_null(example_weights)});
    num_rows_ += rows;
    kept_.emplace_back(std::move(offsets), std::move(ids), std::move(weights), std::move(labels),
                       std::move(example_weights));
  }

  int64_t num_rows() const { return num_rows_; }

  // For each batch ids, weights, offsets, labels, example weights where there are any and, where num_table_rows is
  // given, the parts of its row plan.
  auto gather(const std::vector<In<int64_t>>& batches, In<int32_t> bases, In<uint8_t> combiners,
              std::optional<int64_t> num_table_rows, int num_threads) const {
    require(static_cast<int64_t>(bases.size()) == num_fields_ && static_cast<int64_t>(combiners.size()) == num_fields_,
            "bases and combiners need one entry a field");
    for (const auto& rows : batches)
      for (size_t i = 0; i < rows.size(); i++)
        require(rows.data()[i] >= 0 && rows.data()[i] < num_rows_, "a row lies outside the Examples");
    for (size_t f = 0; f < combiners.size(); f++) require(combiners.data()[f] <= 2, "unknown combiner");
    require(num_threads > 0, "num_threads must be at least 1");
    const int64_t count = static_cast<int64_t>(batches.size());
    std::vector<GatheredBatch> gathered(count);
    std::vector<PlannedRows> plans(count);
    bool inside = true;
    {
      nb::gil_scoped_release release;
#pragma omp parallel for schedule(dynamic) num_threads(num_threads) reduction(&& : inside)
      for (int64_t k = 0; k < count; k++) {
        GatheredBatch& batch = gathered[k];
        batch = manyhot::gather(chunks_, batches[k].data(), batches[k].size(), num_fields_, num_labels_, bases.data(),
                                combiners.data());
        if (!num_table_rows) continue;
        inside = inside && all_inside(batch.ids.data.get(), batch.ids.size, *num_table_rows);
        if (inside)
          plans[k] = planner_of_this_thread().plan(batch.ids.data.get(), batch.weights.data.get(),
                                                   batch.offsets.data.get(), batch.offsets.size - 1, *num_table_rows);
      }
    }
    require(inside, "an id lies outside the table");
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
  using MaybeIn = std::optional<In<float>>;
  std::vector<std::tuple<In<int32_t>, In<int32_t>, MaybeIn, MaybeIn, MaybeIn>> kept_;
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
  m.attr("has_bfloat16") = processor_has_bfloat16();
  m.def("level", [] { return std::string(active_kernels->level); });
  m.def("set_level", &set_level, "level"_a);
  m.def("forward", &forward, nb::arg("table").noconvert(), nb::arg("dim"), nb::arg("ids").noconvert(),
        nb::arg("weights").noconvert().none(), nb::arg("offsets").noconvert(), nb::arg("num_fields"),
        nb::arg("field_pairs"), nb::arg("linear").noconvert(), nb::arg("pooled").noconvert().none(),
        nb::arg("pooled_half").noconvert().none(), nb::arg("sum").noconvert(), nb::arg("bi").noconvert(),
        nb::arg("num_threads"));
  m.def("backward", &backward, nb::arg("table").noconvert(), nb::arg("dim"), nb::arg("rows").noconvert(),
        nb::arg("starts").noconvert(), nb::arg("bags").noconvert(), nb::arg("weights").noconvert().none(),
        nb::arg("grad_linear").noconvert().none(), nb::arg("grad_pooled").noconvert().none(),
        nb::arg("grad_pooled_half").noconvert().none(), nb::arg("grad_bi").noconvert().none(),
        nb::arg("sum").noconvert(), nb::arg("field_pooled").noconvert().none(), nb::arg("num_fields"),
        nb::arg("ranges").none(), nb::arg("out").noconvert().none(), nb::arg("num_threads"));
  m.def("move_rows", &move_rows, nb::arg("table").noconvert(), nb::arg("dim"), nb::arg("rows").noconvert(),
        nb::arg("gradients").noconvert(), nb::arg("factor"), nb::arg("ranges"), nb::arg("num_threads"));
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
  bind_text(m);
  bind_lines(m);
}
