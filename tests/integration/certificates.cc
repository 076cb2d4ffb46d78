#include "integration/certificates.h"

#include <memory>
#include <stdexcept>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace waybill::net {
namespace {

constexpr long kDay = 24 * 60 * 60;

void check(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string("OpenSSL cannot make ") + what);
}

std::string pem(const auto& write) {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), BIO_free);
  check(write(bio.get()) == 1, "PEM");
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

using Bio = std::unique_ptr<BIO, int (*)(BIO*)>;
using Key = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;

Bio bio_of(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
}

void add_extension(X509* certificate, int nid, const std::string& value) {
  const std::unique_ptr<X509_EXTENSION, void (*)(X509_EXTENSION*)> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str()), X509_EXTENSION_free);
  check(extension && X509_add_ext(certificate, extension.get(), -1) == 1, "an extension");
}

}  // namespace

Certificate make_certificate(const std::string& name, int days_left, const Certificate* issuer) {
  const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, void (*)(X509*)> certificate(X509_new(), X509_free);
  check(key && certificate, "a key");
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -10 * kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), days_left * kDay);
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  Key signing_key(nullptr, EVP_PKEY_free);
  X509_set_issuer_name(certificate.get(), subject);
  if (issuer) {
    const Bio name_of_issuer = bio_of(issuer->certificate_pem);
    const Bio key_of_issuer = bio_of(issuer->key_pem);
    const std::unique_ptr<X509, void (*)(X509*)> above(
        PEM_read_bio_X509(name_of_issuer.get(), nullptr, nullptr, nullptr), X509_free);
    signing_key.reset(PEM_read_bio_PrivateKey(key_of_issuer.get(), nullptr, nullptr, nullptr));
    check(above && signing_key, "an issuer");
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(above.get()));
  }
  X509_set_pubkey(certificate.get(), key.get());
  add_extension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  add_extension(certificate.get(), NID_subject_alt_name, name);
  EVP_PKEY* const signer = signing_key ? signing_key.get() : key.get();
  check(X509_sign(certificate.get(), signer, EVP_sha256()) > 0, "a certificate");
  return {pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()); }),
          pem([&](BIO* bio) {
            return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

}  // namespace waybill::net
