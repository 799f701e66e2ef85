#include "data/sha256.h"

#include <array>
#include <openssl/evp.h>

#include "core/error.h"

namespace tempera {

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  bool ended = false;
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  require(state_->context != nullptr && EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1, "Sha256",
          "the cryptographic library refuses to start");
}

Sha256::~Sha256() = default;

void Sha256::add(Bytes bytes) {
  require(!state_->ended, "Sha256", "bytes came after the end; take a new one for each hash");
  EVP_DigestUpdate(state_->context, bytes.data(), bytes.size());
}

std::string Sha256::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  require(!std::exchange(state_->ended, true), "Sha256", "the hash was asked for twice; take a new one for each hash");
  EVP_DigestFinal_ex(state_->context, digest.data(), &size);
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

}  // namespace tempera
