// Chunks of Examples with offsets as they come, batches gathered from them. Offsets that are checked as a store checks
// them may still change under it: then a batch is refused or one that fits.
#include "examples.hpp"

#include "bytes.hpp"

using namespace manyhot;

namespace {

struct Held {
  std::vector<int32_t> offsets, ids;
  std::vector<float> weights, labels;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes bytes(data, size);
  const int64_t num_fields = 1 + bytes.below(6), num_labels = 1 + bytes.below(2);
  const uint8_t options = bytes.number<uint8_t>();
  std::vector<Held> held(1 + bytes.below(3));
  std::vector<Chunk> chunks;
  int64_t num_rows = 0;
  for (Held& one : held) {
    const int64_t rows = 1 + bytes.below(5);
    one.offsets.push_back(0);
    for (int64_t i = 0; i < rows * num_fields; i++)  // rising, unless an odd byte comes
      one.offsets.push_back(one.offsets.back() + (options & 1 ? 1 : bytes.below(4)));
    for (int32_t i = 0; i < one.offsets.back(); i++)
      one.ids.push_back(bytes.whole()), one.weights.push_back(bytes.whole());
    one.labels.assign(rows * num_labels, 1.0f);
    bool one_pair_a_bag = true;
    for (size_t i = 1; i < one.offsets.size(); i++) one_pair_a_bag &= one.offsets[i] - one.offsets[i - 1] == 1;
    check_offsets(one.offsets.data(), one.offsets.size(), one.ids.size());
    chunks.push_back({one.offsets.data(), one.ids.data(), options & 2 ? one.weights.data() : nullptr,
                      options & 4 ? one.labels.data() : nullptr, num_rows, rows, static_cast<int64_t>(one.ids.size()),
                      one_pair_a_bag, options & 8 ? one.labels.data() : nullptr});
    num_rows += rows;
  }
  std::vector<int64_t> rows(bytes.below(12));
  for (int64_t& row : rows) row = bytes.number<uint8_t>() % num_rows;
  std::vector<int32_t> bases(num_fields);
  std::vector<uint8_t> combiners(num_fields);
  for (int64_t f = 0; f < num_fields; f++) bases[f] = bytes.whole(), combiners[f] = bytes.below(3);
  for (int changes = options & 16 ? 1 + bytes.below(3) : 0; changes > 0; changes--) {
    std::vector<int32_t>& offsets = held[bytes.below(static_cast<uint8_t>(held.size()))].offsets;
    offsets[bytes.number<uint16_t>() % offsets.size()] = bytes.whole();
  }
  try {
    const GatheredBatch batch = gather(chunks, rows.data(), static_cast<int64_t>(rows.size()), num_fields, num_labels,
                                       bases.data(), combiners.data());
    EXPECT(batch.offsets.size == rows.size() * num_fields + 1);
    check_offsets(batch.offsets.data.get(), batch.offsets.size, batch.ids.size);
    EXPECT(batch.weights.size == 0 || batch.weights.size == batch.ids.size);
    EXPECT(batch.labels.size == (options & 4 ? rows.size() * num_labels : 0));
    int64_t sum = 0;
    for (size_t i = 0; i < batch.ids.size; i++) sum += batch.ids[i];
    EXPECT(sum <= int64_t{INT32_MAX} * static_cast<int64_t>(batch.ids.size));
  } catch (const std::invalid_argument&) {
    EXPECT(options & 16);  // what was not changed is not refused
  }
  return 0;
}
