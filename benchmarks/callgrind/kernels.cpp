// One case of the kernels on fixed inputs. scripts/check-instructions runs it under callgrind and counts.
//
//     callgrind_kernels               the compiler, then the names of the cases, one a line
//     callgrind_kernels LEVEL CASE    runs the case twice: once to warm up, once inside counted_region
//
// LEVEL is x86_64_v3 or baseline (valgrind knows no AVX-512). Exits 3 where the processor cannot run it, 2 on a wrong
// argument. Inputs come from whole numbers, so they are the same everywhere. One thread, no Python.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <iterator>
#include <memory>
#include <vector>

#include "../../native/dispatch.hpp"
#include "../../native/examples.hpp"
#include "../../native/row_plan.hpp"

using namespace manyhot;

// What callgrind counts: --toggle-collect knows it by this name. The empty assembly keeps the call from being the last
// thing it does, which would become a jump.
extern "C" __attribute__((noinline)) void counted_region(const std::function<void()>& run) {
  run();
  asm volatile("" ::: "memory");
}

namespace {

constexpr int64_t kExamples = 2048, kFields = 8, kTableRows = 20000;

class Draws {
 public:
  uint32_t below(uint32_t end) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>((state_ >> 32) * end >> 32);
  }
  // Few ids often, most seldom.
  int32_t id(uint32_t end) { return static_cast<int32_t>(below(1 + below(end))); }
  std::vector<float> numbers(size_t count) {
    std::vector<float> out(count);
    for (float& x : out) x = (static_cast<float>(below(2048)) - 1023.5f) / 1024;
    return out;
  }

 private:
  uint64_t state_ = 1;
};

// offsets [rows*F+1] into ids and weights.
struct Pairs {
  std::vector<int32_t> ids, offsets{0};
  std::vector<float> weights;
};

// Bags of one pair, or of 0 to 6.
Pairs draw_pairs(Draws& draws, int64_t num_rows, uint32_t num_ids, bool many_valued) {
  Pairs out;
  for (int64_t bag = 0; bag < num_rows * kFields; bag++) {
    for (uint32_t left = many_valued ? draws.below(7) : 1; left > 0; left--) {
      out.ids.push_back(draws.id(num_ids));
      out.weights.push_back(static_cast<float>(1 + draws.below(64)) / 16);
    }
    out.offsets.push_back(static_cast<int32_t>(out.ids.size()));
  }
  return out;
}

using Run = std::function<void()>;

// Many-valued pairs to a row plan.
template <bool weighted>
Run plan(const KernelSet&) {
  Draws draws;
  auto planner = std::make_shared<RowPlanner>();
  auto made = std::make_shared<PlannedRows>();
  return [planner, made, pairs = draw_pairs(draws, kExamples, kTableRows, true)] {
    *made = planner->plan(pairs.ids.data(), weighted ? pairs.weights.data() : nullptr, pairs.offsets.data(),
                          kExamples * kFields, kTableRows);
  };
}

// Shuffled rows of four chunks to a batch: one pair a bag without weights, or weighted bags under every combiner.
template <bool weighted>
Run gather(const KernelSet&) {
  constexpr int64_t kChunks = 4;
  constexpr uint32_t kIds = kTableRows / kFields;
  Draws draws;
  std::vector<Pairs> pairs;
  for (int64_t c = 0; c < kChunks; c++) pairs.push_back(draw_pairs(draws, kExamples, kIds, weighted));
  std::vector<int64_t> rows(kExamples);
  for (int64_t& row : rows) row = draws.below(kChunks * kExamples);
  std::vector<int32_t> bases;
  std::vector<uint8_t> combiners;
  for (int64_t f = 0; f < kFields; f++) bases.push_back(f * kIds), combiners.push_back(f % 3);
  auto labels = draws.numbers(kExamples);
  auto made = std::make_shared<GatheredBatch>();
  return [=] {
    std::vector<Chunk> chunks;
    for (int64_t c = 0; c < kChunks; c++)
      chunks.push_back({pairs[c].offsets.data(), pairs[c].ids.data(), weighted ? pairs[c].weights.data() : nullptr,
                        labels.data(), c * kExamples, kExamples, static_cast<int64_t>(pairs[c].ids.size()), !weighted});
    *made = manyhot::gather(chunks, rows.data(), kExamples, kFields, 1, bases.data(), combiners.data());
  };
}

// A table, a batch of many-valued bags with its row plan, and everything that forward and backward read and write.
struct Step {
  const KernelSet& kernels;
  const int dim;
  const bool weighted;
  Draws draws;
  Pairs pairs = draw_pairs(draws, kExamples, kTableRows, true);
  PlannedRows plan;
  std::vector<float> data, linear, pooled, sum, bi;                  // table, outputs
  std::vector<float> linear_gradient, pooled_gradient, bi_gradient;  // of the loss

  Step(const KernelSet& set, int latent, bool with_weights) : kernels(set), dim(latent), weighted(with_weights) {
    const size_t bags = kExamples * kFields;
    plan = std::make_unique<RowPlanner>()->plan(pairs.ids.data(), weights(), pairs.offsets.data(), bags, kTableRows);
    data = draws.numbers(kTableRows * stride());
    for (float& x : data) x = x < 0 ? -x : x;  // states are not negative
    linear.resize(bags), pooled.resize(bags * dim), sum.resize(kExamples * dim), bi.resize(kExamples * dim);
    linear_gradient = draws.numbers(bags), pooled_gradient = draws.numbers(bags * dim);
    bi_gradient = draws.numbers(kExamples * dim);
  }

  int64_t stride() const { return 3 * (dim + 1); }
  const float* weights() const { return weighted ? pairs.weights.data() : nullptr; }
  Table table() { return {data.data(), stride(), dim}; }

  void forward() {
    const Batch batch{pairs.ids.data(), weights(), pairs.offsets.data(), kExamples, kFields};
    kernels.forward(table(), batch, false, {linear.data(), {pooled.data(), nullptr}, sum.data(), bi.data()}, 1);
  }

  void backward(Rule rule) {
    const Optimizer optimizer{rule,  0.05f, 0.01f, 0.01f, 0.9f,   0.999f, 1e-8f,
                              0.01f, 0.1f,  0.03f, 0.1f,  0.001f, 0.0f,   false};
    const RowRange range{kTableRows, dim + 1 + states_of(rule, dim), optimizer, optimizer};
    const Rules rules{&range, 1};
    const RowPlan by_row{plan.rows.data.get(),
                         plan.starts.data.get(),
                         plan.bags.data.get(),
                         plan.weights.data.get(),
                         static_cast<int64_t>(plan.num_rows),
                         kFields};
    const Gradients in{linear_gradient.data(),
                       {dim ? pooled_gradient.data() : nullptr, nullptr},
                       dim ? bi_gradient.data() : nullptr,
                       sum.data(),
                       nullptr};
    kernels.backward(table(), by_row, in, &rules, nullptr, 1);
  }
};

template <int dim, bool weighted>
Run forward(const KernelSet& kernels) {
  auto step = std::make_shared<Step>(kernels, dim, weighted);
  return [step] { step->forward(); };
}

template <Rule rule>
Run backward(const KernelSet& kernels) {
  auto step = std::make_shared<Step>(kernels, 16, true);
  step->forward();
  return [step] { step->backward(rule); };
}

// D = 0.
Run linear(const KernelSet& kernels) {
  auto step = std::make_shared<Step>(kernels, 0, true);
  return [step] { step->forward(), step->backward(Rule::ftrl); };
}

const struct Case {
  const char* name;
  Run (*prepare)(const KernelSet&);
} kCases[] = {
    {"plan", plan<false>},
    {"plan-weighted", plan<true>},
    {"gather", gather<false>},
    {"gather-weighted", gather<true>},
    {"forward-16", forward<16, false>},
    {"forward-16-weighted", forward<16, true>},
    {"forward-10", forward<10, false>},
    {"forward-10-weighted", forward<10, true>},
    {"backward-adagrad", backward<Rule::adagrad>},
    {"backward-adam", backward<Rule::adam>},
    {"backward-ftrl", backward<Rule::ftrl>},
    {"linear", linear},
};

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif
#ifdef _OPENMP
#define OPENMP " with OpenMP"
#else
#define OPENMP " without OpenMP"
#endif

}  // namespace

int main(int argc, char** argv) {
  if (argc == 1) {
    std::puts(COMPILER OPENMP);
    for (const Case& each : kCases) std::puts(each.name);
    return 0;
  }
  for (const Case& each : kCases) {
    if (argc != 3 || std::strcmp(each.name, argv[2])) continue;
    const KernelSet* kernels = pick_kernels(argv[1]);
    if (!kernels) return std::fprintf(stderr, "this processor cannot run %s\n", argv[1]), 3;
    const Run run = each.prepare(*kernels);
    run();
    counted_region(run);
    return 0;
  }
  return std::fprintf(stderr, "usage: callgrind_kernels [LEVEL CASE]; without arguments it lists the cases\n"), 2;
}
