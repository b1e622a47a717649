// Attention (numerics, section 7) over the cached positions of one user, all heads at once, P positions a cycle. Cycles:
// docs/microarchitecture.md, section 2.
`include "hw_round.vh"
`include "hw_check.vh"
`include "hw_layers.vh"
module hw_attention #(
`ifdef HW_LAYERS
  parameter LAYERS = 1,          // layers that share the module, each with ROM of its own
  parameter LW = 1,              // bits of a layer's number
  parameter [LAYERS*32-1:0] WINDOWS = 0, // WINDOW of each of them, layer 0 lowest
`endif
  parameter V = 8,               // lanes: elements a beat
  parameter HEADS = 8,           // query heads
  parameter KV_HEADS = 4,        // key and value heads; each serves HEADS / KV_HEADS query heads
  parameter HEAD_DIM = 8,        // elements of a head
  parameter CONTEXT = 512,       // positions cached for each user
  parameter USERS = 1,           // users whose positions are cached
  parameter WINDOW = 0,          // positions that a token sees, itself among them; 0: all
  parameter SINKS = 0,           // 1: every head has one more score, a constant, whose value is zero
  parameter A = 12,              // bits of a query element in a score
  parameter KVB = 8,             // bits of a cached key or value element
  parameter P = 1,               // cached positions read a cycle
  parameter QB = 16,             // bits of a query element as it comes
  parameter KB = 16,             // bits of a key element as it comes
  parameter VB = 16,             // bits of a value element as it comes
  parameter OB = 16,             // bits of an output element
  parameter POSW = 9,            // bits of a position
  parameter UW = 1,              // bits of a user number
  parameter TREE = 1,            // adder stages of a score, eight terms to one each: ceil(log8 HEAD_DIM)
  parameter MOST = 0,            // stages that compare the scores of a word, four to one each: ceil(log4 P)
  parameter SUM = 0,             // adder stages of a word's weighted values, eight to one each: ceil(log8 P)
  parameter [15:0] MANTISSA = 1, // factor of every score, unsigned ...
  parameter signed [9:0] SHIFT = 0, // ... and the shift to the right of its product
  parameter EXP2_VALUE = 22,     // bits of a value in the table of 2^-x, signed
  parameter EXP2_SLOPE = 14,     // bits of its slope, signed
  parameter RECIP_VALUE = 18,    // bits of a value in the table of 1/x, signed
  parameter RECIP_SLOPE = 10,    // bits of its slope, signed
  parameter EXP2 = "",           // image of the table of 2^-x, 128 words: value, slope above
  parameter RECIP = "",          // image of the table of 1/x, 256 words: value, slope above
  parameter SINK_SCORES = ""     // image of the sinks' scores: one word, HEADS of 32 bits, head 0 lowest
) (
`ifdef HW_LAYERS
  input [LW-1:0] layer,          // which of them the token is in, from 0
`endif
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input [POSW-1:0] pos,          // position of the token, from 0; stands while it is in the station
  input [UW-1:0] user,           // number of its user; likewise
  input q_valid,                 // a beat of the queries is on q_data
  input [V*QB-1:0] q_data,       // V elements of QB bits, signed
  input k_valid,                 // a beat of the keys is on k_data
  input [V*KB-1:0] k_data,       // V elements of KB bits, signed
  input v_valid,                 // a beat of the values is on v_data
  input [V*VB-1:0] v_data,       // V elements of VB bits, signed
  output reg out_valid,          // a beat is on out_data
  output reg [V*OB-1:0] out_data, // V elements of OB bits, signed, lane 0 lowest
  output reg ovf                 // a score or an output was too large for its bits and was clamped
);
  `HW_REQUIRE(HEADS % KV_HEADS == 0, hw_attention_needs_as_many_query_heads_on_each_kv_head)
  `HW_REQUIRE(V % HEAD_DIM == 0 || HEAD_DIM % V == 0, hw_attention_needs_whole_heads_a_beat_or_whole_beats_a_head)
  `HW_REQUIRE((1 << POSW) > CONTEXT, hw_attention_POSW_is_too_small_for_CONTEXT)
  localparam WORDS = (CONTEXT + P - 1) / P;  // of one user
  localparam DEPTH = WORDS * USERS;
  localparam AW = (DEPTH > 1) ? $clog2(DEPTH) : 1;
  localparam WW = $clog2(WORDS + 1);
  localparam VEC = HEAD_DIM * KVB;
  localparam ROW = KV_HEADS * (VEC + 5);     // shifts above codes
  localparam QBEATS = (HEADS * HEAD_DIM + V - 1) / V;
  localparam KBEATS = (KV_HEADS * HEAD_DIM + V - 1) / V;
  localparam REPLAY = (QBEATS > KBEATS) ? QBEATS : KBEATS;
  localparam CB = $clog2(REPLAY + 4);
  localparam CTXW = $clog2(CONTEXT + 1);
  localparam OSB = 21 + VB + CTXW;
  localparam PSB = 21 + CTXW;
  localparam NB = VB + 17;                   // of a sum over weights of 16 bits in all: at most 2^16 values
  localparam ZB = $clog2(PSB + 2);
  localparam RL = (V > HEAD_DIM) ? (V + HEAD_DIM - 1) / HEAD_DIM : 1; // reciprocals a cycle
  localparam RG = (HEADS + RL - 1) / RL;
  localparam RGW = $clog2(RG + 1);
  localparam BW = $clog2(QBEATS + 1);
  localparam RT = RECIP_VALUE + RECIP_SLOPE;
  localparam ND = `HW_DIGITS(NB);
  `HW_BITLEN(bitlen, PSB, ZB)
  `HW_DIGIT(digit, NB)
  `HW_CUT(round, NB + 18, 31, OB)

  // Quantise, then write the new position.
  wire q_full, k_full, v_full;
  wire [HEADS*HEAD_DIM*A-1:0] q;
  wire [HEADS*5-1:0] q_shift;
  wire [KV_HEADS*VEC-1:0] k, v;
  wire [KV_HEADS*5-1:0] k_shift, v_shift;
  wire go = q_full && k_full && v_full;
  hw_quantize #(.V(V), .HEADS(HEADS), .HEAD_DIM(HEAD_DIM), .IB(QB), .CB(A)) quantize_q (
    .clk(clk), .rst(rst), .in_valid(q_valid), .in_data(q_data), .complete(q_full), .replay(go), .codes(q), .shifts(q_shift));
  hw_quantize #(.V(V), .HEADS(KV_HEADS), .HEAD_DIM(HEAD_DIM), .IB(KB), .CB(KVB)) quantize_k (
    .clk(clk), .rst(rst), .in_valid(k_valid), .in_data(k_data), .complete(k_full), .replay(go), .codes(k), .shifts(k_shift));
  hw_quantize #(.V(V), .HEADS(KV_HEADS), .HEAD_DIM(HEAD_DIM), .IB(VB), .CB(KVB)) quantize_v (
    .clk(clk), .rst(rst), .in_valid(v_valid), .in_data(v_data), .complete(v_full), .replay(go), .codes(v), .shifts(v_shift));

  reg waiting, write;
  reg [CB-1:0] wait_count;
  // Where the token's positions lie; they stand from the cycle after `go`.
`ifdef HW_LAYERS
  wire [31:0] window = WINDOWS[layer*32 +: 32];
  wire [POSW-1:0] first_next = (window > 0 && pos >= window) ? pos - (window - 1) : 0;
`else
  wire [POSW-1:0] first_next = (WINDOW > 0 && pos >= WINDOW) ? pos - (WINDOW - 1) : 0;
`endif
  reg [AW-1:0] base;
  reg [POSW-1:0] first;
  reg [WW-1:0] first_word, last_word;

  // Pass 1: one word of P positions a cycle; pass 2 the same for the values.
  reg pass1, pass2, k_valid1, s_valid;
  reg [WW-1:0] word1, word1q, score_at, best_at, word2;
  reg [WW-1:0] word2_p [1:6];
  reg [5:0] pv;                  // pass 2 stages
  reg sink;                      // the sinks' turn in pass 2
  reg [5:0] sv;
  reg k_last;
  reg [TREE+MOST+2:0] last;
  wire [HEADS*HEAD_DIM*OSB-1:0] all_sums;
  wire [HEADS*PSB-1:0] all_p;
  reg [SUM+3:0] fin;
  wire [P*ROW-1:0] k_rows, v_rows;
  wire [P-1:0] k_mask, e_mask, v_mask;
  wire [HEADS*P*32-1:0] scores, scores_read, sink_scores;
  wire [HEADS*32-1:0] sinks;
  wire [HEADS*P*21-1:0] weights;
  wire score_ovf;
  reg [HEADS*32-1:0] greatest, greatest_next;
  wire score_valid;
  wire [P-1:0] s_mask;
  wire v_read = pv[4];
  genvar p;
  generate
    for (p = 0; p < P; p = p + 1) begin : bank
      wire mine = write && (pos % P == p);
      hw_sram #(.WIDTH(ROW), .DEPTH(DEPTH), .AW(AW)) keys (
        .clk(clk), .we(mine), .waddr(base + last_word), .wdata({k_shift, k}), .re(pass1), .raddr(base + word1), .rdata(k_rows[p*ROW +: ROW]));
      hw_sram #(.WIDTH(ROW), .DEPTH(DEPTH), .AW(AW)) values (
        .clk(clk), .we(mine), .waddr(base + last_word), .wdata({v_shift, v}), .re(v_read), .raddr(base + word2_p[5]),
        .rdata(v_rows[p*ROW +: ROW]));
      assign k_mask[p] = (word1q * P + p >= first) && (word1q * P + p <= pos);
      assign e_mask[p] = sv[0] ? p == 0 : (word2_p[1] * P + p >= first) && (word2_p[1] * P + p <= pos);
      assign v_mask[p] = !sv[5] && (word2_p[6] * P + p >= first) && (word2_p[6] * P + p <= pos);
    end
    // The sinks are lane 0 of a word of their own, with weights and without values.
    if (SINKS != 0) begin : sinking
`ifdef HW_LAYERS
      hw_layer_rom #(.LAYERS(LAYERS), .LW(LW), .WIDTH(HEADS*32), .DEPTH(1), .AW(1), .FILE(SINK_SCORES)) sink_rom (.clk(clk), .layer(layer), .en(go), .addr(1'b0), .data(sinks));
`else
      hw_rom #(.WIDTH(HEADS*32), .DEPTH(1), .AW(1), .FILE(SINK_SCORES)) sink_rom (.clk(clk), .en(go), .addr(1'b0), .data(sinks));
`endif
      for (p = 0; p < HEADS; p = p + 1) begin : head
        assign sink_scores[p*P*32 +: P*32] = sinks[p*32 +: 32];
      end
    end else begin : floating
      assign sinks = 0;
      assign sink_scores = 0;
    end
  endgenerate
  hw_score #(
    .HEADS(HEADS), .KV_HEADS(KV_HEADS), .P(P), .HEAD_DIM(HEAD_DIM), .A(A), .KVB(KVB), .ROW(ROW), .TREE(TREE), .MANTISSA(MANTISSA), .SHIFT(SHIFT)
  ) score (
    .clk(clk), .rst(rst), .in_valid(k_valid1), .in_mask(k_mask), .q(q), .q_shift(q_shift), .k(k_rows),
    .out_valid(score_valid), .out_mask(s_mask), .score(scores), .ovf(score_ovf));
  wire best_valid;
  wire [HEADS*32-1:0] word_best;
  hw_most #(.HEADS(HEADS), .P(P), .LEVELS(MOST)) most (
    .clk(clk), .rst(rst), .in_valid(score_valid), .mask(s_mask), .score(scores), .out_valid(best_valid), .best(word_best));
  hw_exponent #(.HEADS(HEADS), .P(P), .VALUE_BITS(EXP2_VALUE), .SLOPE_BITS(EXP2_SLOPE), .EXP2(EXP2)) exponent (
    .clk(clk), .in_valid(pv[0]), .in_mask(e_mask), .score(sv[0] ? sink_scores : scores_read), .greatest(greatest), .p(weights));
  hw_value #(.HEADS(HEADS), .KV_HEADS(KV_HEADS), .P(P), .TREE(SUM), .HEAD_DIM(HEAD_DIM), .KVB(KVB), .ROW(ROW), .OSB(OSB), .PSB(PSB)) value (
    .clk(clk), .clear(go), .in_valid(pv[5]), .mask(v_mask), .p(weights), .v_rows(v_rows), .sums(all_sums), .p_sum(all_p));
  hw_sram #(.WIDTH(HEADS*P*32), .DEPTH(WORDS), .AW(WW)) score_store (
    .clk(clk), .we(score_valid), .waddr(score_at), .wdata(scores), .re(pass2), .raddr(word2 - first_word), .rdata(scores_read));

  reg signed [31:0] best, other;
  integer n;
  always @(posedge clk) begin
    // Replay takes REPLAY beats; the last code stands 3 cycles after the last beat.
    if (go) begin
      base <= user * WORDS;
      first <= first_next;
      first_word <= first_next / P;
      last_word <= pos / P;
      waiting <= 1;
      wait_count <= 0;
    end else if (waiting) begin
      wait_count <= wait_count + 1;
      if (wait_count == REPLAY) waiting <= 0;
    end
    write <= waiting && wait_count == REPLAY;
    if (write) begin
      pass1 <= 1;
      word1 <= first_word;
    end else if (pass1) begin
      word1 <= word1 + 1;
      if (word1 == last_word) pass1 <= 0;
    end
    word1q <= word1;
    k_valid1 <= pass1;
    k_last <= pass1 && word1 == last_word;
    last <= {last[TREE+MOST+1:0], k_last};
    if (write) score_at <= 0;
    else if (score_valid) score_at <= score_at + 1;
    if (write) best_at <= 0;
    else if (best_valid) begin
      best_at <= best_at + 1;
      for (n = 0; n < HEADS; n = n + 1) begin
        best = word_best[n*32 +: 32];
        other = (best_at == 0) ? sinks[n*32 +: 32] : greatest[n*32 +: 32];
        greatest_next[n*32 +: 32] = ((best_at == 0 && SINKS == 0) || best > other) ? best : other;
      end
      greatest <= greatest_next;
    end
    // Pass 2.
    if (best_valid && last[TREE+MOST+2]) begin
      pass2 <= SINKS == 0;
      sink <= SINKS != 0;
      word2 <= first_word;
    end else if (sink) begin
      sink <= 0;
      pass2 <= 1;
    end else if (pass2) begin
      word2 <= word2 + 1;
      if (word2 == last_word) pass2 <= 0;
    end
    pv <= {pv[4:0], pass2 || sink};
    sv <= {sv[4:0], sink};
    word2_p[1] <= word2;
    word2_p[2] <= word2_p[1];
    word2_p[3] <= word2_p[2];
    word2_p[4] <= word2_p[3];
    word2_p[5] <= word2_p[4];
    word2_p[6] <= word2_p[5];
    fin <= {fin[SUM+2:0], pv[5] && !sv[5] && word2_p[6] == last_word};
    if (rst) begin
      waiting <= 0; write <= 0; pass1 <= 0; pass2 <= 0; sink <= 0; sv <= 0; k_valid1 <= 0; k_last <= 0; last <= 0; pv <= 0; fin <= 0;
    end
  end

  // Reciprocals, RL heads a cycle, then the outputs, V a cycle.
  wire finish = fin[SUM+2];
  reg recip_run, r1, r2, r3, r4;
  reg [RGW-1:0] g, g1, g2, g3, g4;
  reg [ZB-1:0] z [0:HEADS-1];    // bits of a sum of weights, less 16
  reg [ZB-1:0] z1 [0:RL-1];
  reg [PSB-1:0] sum_q [0:RL-1], shifted;
  reg [RL*8-1:0] index, index_next;
  reg [6:0] f2 [0:RL-1], f3 [0:RL-1];
  wire [RL*RT-1:0] entry;
  reg signed [RECIP_SLOPE+7:0] product [0:RL-1];
  reg signed [RECIP_VALUE-1:0] value4 [0:RL-1];
  reg signed [17:0] reciprocal [0:HEADS-1];
  reg [3:0] delay;
  reg playing;
  reg [3:1] o_at;                // o_at[1]: sums stand; o_at[2]: shifted and rounded; o_at[3]: products with each digit
  reg [BW-1:0] beat, beat1;
  reg signed [OSB-1:0] o [0:V-1];
  reg signed [NB-1:0] on [0:V-1];
  reg [ZB-1:0] by [0:V-1];
  reg signed [OSB:0] t;
  reg signed [17:0] r_q [0:V-1];
  reg signed [27:0] od [0:V*ND-1];
  reg signed [NB+17:0] scaled;
  reg [OB:0] ro;
  reg [V*OB-1:0] y;
  reg clamped;
  integer l, c, j, i, hd;
  wire recip_now = finish || recip_run;
  hw_rom #(.WIDTH(RT), .DEPTH(256), .AW(8), .PORTS(RL), .FILE(RECIP)) recip (.clk(clk), .en(r2), .addr(index), .data(entry));

  always @(posedge clk) begin
    out_valid <= o_at[3];
    ovf <= score_ovf;
    if (o_at[3]) begin
      clamped = 0;
      for (l = 0; l < V; l = l + 1) begin
        scaled = `HW_HALF(31);
        for (j = 0; j < ND; j = j + 1) scaled = scaled + (od[l*ND+j] <<< (9*j));
        ro = round(scaled);
        clamped = clamped | ro[OB];
        y[l*OB +: OB] = ro[OB-1:0];
      end
      out_data <= y;
      ovf <= clamped | (score_ovf);
    end
    if (o_at[2]) for (l = 0; l < V; l = l + 1)
      // Digits of the sum, not of the reciprocal, which a head's lanes share.
      for (j = 0; j < ND; j = j + 1) od[l*ND+j] = digit(on[l], j) * r_q[l];
    if (o_at[1]) for (l = 0; l < V; l = l + 1) begin
      hd = (beat1 * V + l) / HEAD_DIM;
      if (hd >= HEADS) hd = HEADS - 1;
      t = $signed({o[l], 1'b0}) >>> by[l];
      on[l] = (t >>> 1) + (t[0] ? 1 : 0);
      r_q[l] = reciprocal[hd];
    end
    if (playing) for (l = 0; l < V; l = l + 1) begin
      hd = (beat * V + l) / HEAD_DIM;
      if (hd >= HEADS) hd = HEADS - 1;
      o[l] = 0;
      for (i = 0; i < QBEATS; i = i + 1)
        if (i * V + l < HEADS * HEAD_DIM) o[l] = o[l] | (all_sums[(i*V+l)*OSB +: OSB] & {OSB{beat == i}});
      by[l] = z[hd];
    end
    o_at <= {o_at[2:1], playing};
    beat1 <= beat;
    delay <= {delay[2:0], finish};
    if (delay[2]) begin
      playing <= 1;
      beat <= 0;
    end else if (playing) begin
      beat <= beat + 1;
      if (beat == QBEATS - 1) playing <= 0;
    end
    // Reciprocal stages, last first.
    if (r4) for (c = 0; c < RL; c = c + 1)
      if (g4 * RL + c < HEADS) reciprocal[g4*RL+c] = value4[c] + (product[c] >>> 7) + (product[c][6] ? 1 : 0);
    if (r3) for (c = 0; c < RL; c = c + 1) begin
      product[c] = $signed(entry[c*RT+RECIP_VALUE +: RECIP_SLOPE]) * $signed({1'b0, f3[c]});
      value4[c] = entry[c*RT +: RECIP_VALUE];
    end
    if (r2) for (c = 0; c < RL; c = c + 1) f3[c] = f2[c];
    if (r1) begin
      for (c = 0; c < RL; c = c + 1) begin
        shifted = sum_q[c] >> z1[c];
        index_next[c*8 +: 8] = shifted[14:7];
        f2[c] = shifted[6:0];
      end
      index <= index_next;
    end
    if (recip_now) begin
      for (c = 0; c < RL; c = c + 1) begin
        hd = (recip_run ? g : 0) * RL + c;
        if (hd >= HEADS) hd = HEADS - 1;
        sum_q[c] = 0;
        for (i = 0; i < HEADS; i = i + 1) sum_q[c] = sum_q[c] | (all_p[i*PSB +: PSB] & {PSB{hd == i}});
        z1[c] = bitlen(sum_q[c] >> 16);
        z[hd] = z1[c];
      end
      g <= (recip_run ? g : 0) + 1;
      recip_run <= (recip_run ? g : 0) != RG - 1;
    end
    g1 <= recip_run ? g : 0;
    g2 <= g1;
    g3 <= g2;
    g4 <= g3;
    r1 <= recip_now;
    r2 <= r1;
    r3 <= r2;
    r4 <= r3;
    if (rst) begin
      recip_run <= 0; r1 <= 0; r2 <= 0; r3 <= 0; r4 <= 0; delay <= 0; playing <= 0; o_at <= 0;
      out_valid <= 0; ovf <= 0;
    end
  end
endmodule
