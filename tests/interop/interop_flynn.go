// SPDX-License-Identifier: Apache-2.0
// Live handshakes between noise/ (tests/interop/peer.c) and github.com/flynn/noise, in both roles. Writes TAP.
//
// ROUNDS: how many handshakes; PEER: the program. Random keys, prologues and payload lengths; every 16th
// handshake uses the largest payloads. After each one, transport messages both ways, before and after a rekey.
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"strconv"

	"github.com/flynn/noise"
)

const (
	transportMax = 65519
	errAuth      = 8 // NOISE_ERR_AUTH of noise/noise_error.h
)

var (
	payloadMax = [3]int{65487, 65487, 65471}
	suite      = noise.NewCipherSuite(noise.DH25519, noise.CipherChaChaPoly, noise.HashBLAKE2s)
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func check(condition bool, what string) {
	if !condition {
		panic(what)
	}
}

func random(length int) []byte {
	b := make([]byte, length)
	_, err := rand.Read(b)
	must(err)
	return b
}

func below(limit int) int {
	n, err := rand.Int(rand.Reader, big.NewInt(int64(limit)))
	must(err)
	return int(n.Int64())
}

// peer is the other end: one process, used for all rounds.
type peer struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     io.Reader
}

func startPeer(program string) *peer {
	p := &peer{command: exec.Command(program)}
	var err error
	p.in, err = p.command.StdinPipe()
	must(err)
	p.out, err = p.command.StdoutPipe()
	must(err)
	must(p.command.Start())
	return p
}

func (p *peer) call(op byte, body []byte) (byte, []byte) {
	request := make([]byte, 5, 5+len(body))
	binary.BigEndian.PutUint32(request, uint32(len(body)+1))
	request[4] = op
	_, err := p.in.Write(append(request, body...))
	must(err)
	header := make([]byte, 5)
	_, err = io.ReadFull(p.out, header)
	must(err)
	answer := make([]byte, binary.BigEndian.Uint32(header)-1)
	_, err = io.ReadFull(p.out, answer)
	must(err)
	return header[4], answer
}

func (p *peer) ok(op byte, body []byte) []byte {
	code, answer := p.call(op, body)
	check(code == 0, fmt.Sprintf("%c answered error %d", op, code))
	return answer
}

func (p *peer) stop() {
	must(p.in.Close())
	must(p.command.Wait())
}

func payloadLen(number, message int) int {
	if number%16 == 0 {
		return payloadMax[message]
	}
	return below([]int{1, 65, 1025, 4097}[number%4])
}

// oracle is flynn's end.
type oracle struct {
	state              *noise.HandshakeState
	sending, receiving *noise.CipherState
}

func (o *oracle) keep(initiator bool, first, second *noise.CipherState) {
	if first != nil {
		o.sending, o.receiving = first, second
		if !initiator {
			o.sending, o.receiving = second, first
		}
	}
}

func transport(p *peer, o *oracle, lengths ...int) {
	for _, length := range lengths {
		text := random(length)
		sealed, err := o.sending.Encrypt(nil, nil, text)
		must(err)
		check(bytes.Equal(p.ok('D', sealed), text), "we opened other bytes")
		text = random(length)
		opened, err := o.receiving.Decrypt(nil, nil, p.ok('E', text))
		must(err)
		check(bytes.Equal(opened, text), "we sealed other bytes")
	}
}

// exchange runs the three messages; initiator: whether flynn is.
func exchange(p *peer, o *oracle, number int, initiator bool) {
	for message := 0; message < 3; message++ {
		payload := random(payloadLen(number, message))
		if initiator == (message != 1) {
			out, first, second, err := o.state.WriteMessage(nil, payload)
			must(err)
			o.keep(initiator, first, second)
			check(bytes.Equal(p.ok('R', out), payload), "we read another payload")
		} else {
			out, first, second, err := o.state.ReadMessage(nil, p.ok('W', payload))
			must(err)
			o.keep(initiator, first, second)
			check(bytes.Equal(out, payload), "we wrote another payload")
		}
	}
}

func round(p *peer, number int, initiator bool) {
	own, err := suite.GenerateKeypair(rand.Reader)
	must(err)
	peerKey, err := suite.GenerateKeypair(rand.Reader)
	must(err)
	var prologue []byte
	if number%5 != 0 {
		prologue = random(below(200))
	}
	config := noise.Config{CipherSuite: suite, Pattern: noise.HandshakeXK, Initiator: initiator,
		Prologue: prologue, StaticKeypair: own}
	request := []byte{0, byte(number / 2 % 2)} // we initiate or respond; every other pair with an external key
	remote := own.Public
	if initiator {
		config.PeerStatic = peerKey.Public
		request[0] = 1
		remote = make([]byte, 32)
	}
	request = append(append(append(request, peerKey.Private...), remote...), prologue...)
	p.ok('I', request)
	state, err := noise.NewHandshakeState(config)
	must(err)
	o := &oracle{state: state}
	exchange(p, o, number, initiator)
	answer := p.ok('S', nil)
	check(bytes.Equal(answer[:32], o.state.ChannelBinding()), "another handshake hash")
	check(bytes.Equal(answer[32:], own.Public), "another remote static key")

	transport(p, o, 0, 1+below(2000))
	if number%16 == 0 {
		transport(p, o, transportMax)
	}
	o.sending.Rekey()
	p.ok('L', nil)
	o.receiving.Rekey()
	p.ok('K', nil)
	transport(p, o, 0, 33)
	sealed, err := o.sending.Encrypt(nil, nil, []byte("x"))
	must(err)
	sealed[below(len(sealed))] ^= 1
	code, _ := p.call('D', sealed)
	check(code == errAuth, "an altered message was not refused")
}

func handshakes(program string, rounds int, initiator bool) (failure interface{}) {
	defer func() { failure = recover() }()
	p := startPeer(program)
	for number := 0; number < rounds; number++ {
		round(p, number, initiator)
	}
	p.stop()
	return nil
}

func main() {
	program := os.Getenv("PEER")
	if program == "" {
		program = "build/host/interop/peer"
	}
	rounds, err := strconv.Atoi(os.Getenv("ROUNDS"))
	if err != nil {
		rounds = 1000
	}
	failed := 0
	fmt.Println("1..2")
	for i, name := range []string{"we respond", "we initiate"} {
		verdict := "ok"
		if failure := handshakes(program, rounds, i == 0); failure != nil {
			fmt.Println("#", failure)
			verdict = "not ok"
			failed++
		}
		fmt.Printf("%s %d - %s\n", verdict, i+1, name)
	}
	if failed > 0 {
		os.Exit(1)
	}
}
