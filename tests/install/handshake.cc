// SPDX-License-Identifier: Apache-2.0
// The public header in C++: a handshake of both sides in one process, and a message each way. Exit status 0 when it is well.
#include <nexus/noise_xk.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace {

using Key = std::array<std::uint8_t, XK_KEY_LEN>;

struct Side {
    xk_handshake hs{};
    xk_sender sender{};
    xk_receiver receiver{};
    Key private_key{}, public_key{};

    explicit Side(std::uint8_t seed)
    {
        private_key.fill(seed);
        xk_public_key(public_key.data(), private_key.data());
    }
    ~Side()
    {
        xk_handshake_wipe(&hs);
        xk_sender_wipe(&sender);
        xk_receiver_wipe(&receiver);
    }
    Side(const Side &) = delete;
    Side &operator=(const Side &) = delete;

    xk_config config(const std::uint8_t *remote)
    {
        xk_config c{};
        c.static_public = public_key.data();
        c.static_private = private_key.data();
        c.remote_static = remote;
        c.random = [](void *ctx, std::uint8_t *out, std::size_t len) {
            std::memset(out, static_cast<Side *>(ctx)->private_key[0] + 1, len);
            return NOISE_OK;
        };
        c.random_ctx = this;
        return c;
    }
};

bool send(Side &from, Side &to)
{
    std::array<std::uint8_t, 4 + XK_TRANSPORT_OVERHEAD> message{};
    std::array<std::uint8_t, 4> text{{'P', 'I', 'N', 'G'}}, out{};
    std::size_t len = 0;
    return xk_sender_seal(&from.sender, message.data(), message.size(), &len, text.data(), text.size()) == NOISE_OK &&
           xk_receiver_open(&to.receiver, out.data(), out.size(), &len, message.data(), len) == NOISE_OK && out == text;
}

} // namespace

int main()
{
    Side i(1), r(7);
    std::array<std::uint8_t, 64> m{};
    Key peer{};
    std::size_t len = 0, none = 0;
    xk_config i_config = i.config(r.public_key.data());
    xk_config r_config = r.config(nullptr);
    bool good = xk_initiator_init(&i.hs, &i_config) == NOISE_OK && xk_responder_init(&r.hs, &r_config) == NOISE_OK &&
                xk_initiator_write_message_1(&i.hs, m.data(), m.size(), &len, nullptr, 0) == NOISE_OK &&
                xk_responder_read_message_1(&r.hs, nullptr, 0, &none, m.data(), len) == NOISE_OK &&
                xk_responder_write_message_2(&r.hs, m.data(), m.size(), &len, nullptr, 0) == NOISE_OK &&
                xk_initiator_read_message_2(&i.hs, nullptr, 0, &none, m.data(), len) == NOISE_OK &&
                xk_initiator_write_message_3(&i.hs, m.data(), m.size(), &len, nullptr, 0) == NOISE_OK &&
                xk_responder_read_message_3(&r.hs, nullptr, 0, &none, m.data(), len) == NOISE_OK &&
                xk_remote_static(&r.hs, peer.data()) == NOISE_OK && peer == i.public_key &&
                xk_split(&i.hs, &i.sender, &i.receiver) == NOISE_OK && xk_split(&r.hs, &r.sender, &r.receiver) == NOISE_OK;
    return good && send(i, r) && send(r, i) ? 0 : 1;
}
