// Runs a target on each of the files named, or on those of the folders named.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

void replay(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

int main(int count, char** words) {
  size_t files = 0;
  for (int i = 1; i < count; i++)
    if (std::filesystem::is_directory(words[i]))
      for (const auto& entry : std::filesystem::directory_iterator(words[i])) replay(entry.path()), files++;
    else
      replay(words[i]), files++;
  std::printf("%zu files\n", files);
  return files == 0;
}
