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
  output out_valid,              // a beat is on out_data
  output [V*OB-1:0] out_data,    // V elements of OB bits, signed, lane 0 lowest
  output ovf                     // a score or an output was too large for its bits and was clamped
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
  localparam NP = `HW_PARTS(18, NB);
  `HW_BITLEN(bitlen, PSB, ZB)
  `HW_CUT(round, NB + 18, 31, OB)
  // Products with digits of the normalised sum, not of the reciprocal, which a head's lanes share.
  `HW_PRODUCTS(by_reciprocal, 18, NB)
  `HW_PRODUCT_SUM(quotient, 18, NB, NB + 18, `HW_HALF(31))
  `HW_BEAT(outputs, V, OB, input [V*NP-1:0] products;, round(quotient(products[lane*NP +: NP])))
  // Head of lane `l` of beat `at`; past the end the last one.
  function integer head_of;
    input [BW-1:0] at;
    input integer l;
    integer head;
    begin
      head = (at * V + l) / HEAD_DIM;
      head_of = (head >= HEADS) ? HEADS - 1 : head;
    end
  endfunction
  // The greater of two scores, head by head.
  function [HEADS*32-1:0] greater;
    input [HEADS*32-1:0] a, b;
    integer h;
    for (h = 0; h < HEADS; h = h + 1)
      greater[h*32 +: 32] = ($signed(a[h*32 +: 32]) > $signed(b[h*32 +: 32])) ? a[h*32 +: 32] : b[h*32 +: 32];
  endfunction
  // The sums of weights of the `group`th RL heads and, above them, their bits less 16; past the end the last head's.
  function [RL*(ZB+PSB)-1:0] group_sums;
    input [HEADS*PSB-1:0] all;
    input [RGW-1:0] group;
    reg [PSB-1:0] sum;
    integer c, h, head;
    for (c = 0; c < RL; c = c + 1) begin
      head = (group * RL + c >= HEADS) ? HEADS - 1 : group * RL + c;
      sum = 0;
      for (h = 0; h < HEADS; h = h + 1) sum = sum | (all[h*PSB +: PSB] & {PSB{head == h}});
      group_sums[c*PSB +: PSB] = sum;
      group_sums[RL*PSB+c*ZB +: ZB] = bitlen(sum >> 16);
    end
  endfunction
  // The weighted sums of a beat.
  function [V*OSB-1:0] beat_sums;
    input [HEADS*HEAD_DIM*OSB-1:0] all;
    input [BW-1:0] at;
    integer l, i;
    begin
      beat_sums = 0;
      for (l = 0; l < V; l = l + 1)
        for (i = 0; i < QBEATS; i = i + 1)
          if (i * V + l < HEADS * HEAD_DIM) beat_sums[l*OSB +: OSB] = beat_sums[l*OSB +: OSB] | (all[(i*V+l)*OSB +: OSB] & {OSB{at == i}});
    end
  endfunction
  // A sum shifted to the right, rounded half up.
  function signed [NB-1:0] normalised;
    input signed [OSB-1:0] sum;
    input [ZB-1:0] by;
    reg signed [OSB:0] t;
    begin
      t = $signed({sum, 1'b0}) >>> by;
      normalised = (t >>> 1) + $signed({1'b0, t[0]});
    end
  endfunction
  function [14:0] place_of;
    input [PSB-1:0] sum;
    input [ZB-1:0] by;
    place_of = sum >> by;
  endfunction

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

  reg waiting_q, write_q;
  reg [CB-1:0] wait_count_q;
  // Where the token's positions lie; they stand from the cycle after `go`.
`ifdef HW_LAYERS
  wire [31:0] window = WINDOWS[layer*32 +: 32];
  wire [POSW-1:0] first_d = (window > 0 && pos >= window) ? pos - (window - 1) : 0;
`else
  wire [POSW-1:0] first_d = (WINDOW > 0 && pos >= WINDOW) ? pos - (WINDOW - 1) : 0;
`endif
  reg [AW-1:0] base_q;
  reg [POSW-1:0] first_q;
  reg [WW-1:0] first_word_q, last_word_q;

  // Pass 1, the scores: a word of P positions a cycle.
  reg pass1_q;
  reg [WW-1:0] word1_q;          // that is read
  reg keys_valid_q, keys_last_q; // keys have been read; those of the last word
  reg [WW-1:0] keys_word_q;      // of which word
  reg [TREE+MOST+2:0] last_q;    // the last word on its way to its greatest score
  reg [WW-1:0] score_at_q;       // word of scores that is written next
  reg [WW-1:0] best_at_q;        // word whose greatest scores come next
  reg [HEADS*32-1:0] greatest_q; // of all words so far
  wire [P*ROW-1:0] key_rows;
  wire [P-1:0] key_mask, score_mask;
  wire [HEADS*P*32-1:0] scores;
  wire score_valid, score_ovf, best_valid;
  wire [HEADS*32-1:0] word_best, sinks;
  // Pass 2, the weighted values: likewise.
  reg pass2_q;
  reg sink_q;                    // the sinks' turn, before the first word
  reg [WW-1:0] word2_q;          // whose scores are read
  reg [6:1] weigh_q;             // words in the stages: score read; four of the exponent; weights, and values read
  reg [6:1] sinks_q;             // they are the sinks
  reg [6*WW-1:0] weigh_word_q;   // their numbers, stage 1 lowest
  reg [SUM+3:0] finish_q;        // the last word on its way into the sums
  wire [P*ROW-1:0] value_rows;
  wire [P-1:0] weight_mask, value_mask;
  wire [HEADS*P*32-1:0] scores_read, sink_scores;
  wire [HEADS*P*21-1:0] weights;
  wire [HEADS*HEAD_DIM*OSB-1:0] sums;
  wire [HEADS*PSB-1:0] weight_sums;
  genvar p;
  generate
    for (p = 0; p < P; p = p + 1) begin : bank
      wire mine = write_q && (pos % P == p);
      hw_sram #(.WIDTH(ROW), .DEPTH(DEPTH), .AW(AW)) keys (
        .clk(clk), .we(mine), .waddr(base_q + last_word_q), .wdata({k_shift, k}), .re(pass1_q), .raddr(base_q + word1_q),
        .rdata(key_rows[p*ROW +: ROW]));
      hw_sram #(.WIDTH(ROW), .DEPTH(DEPTH), .AW(AW)) values (
        .clk(clk), .we(mine), .waddr(base_q + last_word_q), .wdata({v_shift, v}), .re(weigh_q[5]), .raddr(base_q + weigh_word_q[4*WW +: WW]),
        .rdata(value_rows[p*ROW +: ROW]));
      assign key_mask[p] = (keys_word_q * P + p >= first_q) && (keys_word_q * P + p <= pos);
      assign weight_mask[p] = sinks_q[1] ? p == 0 : (weigh_word_q[0 +: WW] * P + p >= first_q) && (weigh_word_q[0 +: WW] * P + p <= pos);
      assign value_mask[p] = !sinks_q[6] && (weigh_word_q[5*WW +: WW] * P + p >= first_q) && (weigh_word_q[5*WW +: WW] * P + p <= pos);
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
    .clk(clk), .rst(rst), .in_valid(keys_valid_q), .in_mask(key_mask), .q(q), .q_shift(q_shift), .k(key_rows),
    .out_valid(score_valid), .out_mask(score_mask), .score(scores), .ovf(score_ovf));
  hw_most #(.HEADS(HEADS), .P(P), .LEVELS(MOST)) most (
    .clk(clk), .rst(rst), .in_valid(score_valid), .mask(score_mask), .score(scores), .out_valid(best_valid), .best(word_best));
  hw_sram #(.WIDTH(HEADS*P*32), .DEPTH(WORDS), .AW(WW)) score_store (
    .clk(clk), .we(score_valid), .waddr(score_at_q), .wdata(scores), .re(pass2_q), .raddr(word2_q - first_word_q), .rdata(scores_read));
  hw_exponent #(.HEADS(HEADS), .P(P), .VALUE_BITS(EXP2_VALUE), .SLOPE_BITS(EXP2_SLOPE), .EXP2(EXP2)) exponent (
    .clk(clk), .in_valid(weigh_q[1]), .in_mask(weight_mask), .score(sinks_q[1] ? sink_scores : scores_read), .greatest(greatest_q), .p(weights));
  hw_value #(.HEADS(HEADS), .KV_HEADS(KV_HEADS), .P(P), .TREE(SUM), .HEAD_DIM(HEAD_DIM), .KVB(KVB), .ROW(ROW), .OSB(OSB), .PSB(PSB)) value (
    .clk(clk), .clear(go), .in_valid(weigh_q[6]), .mask(value_mask), .p(weights), .v_rows(value_rows), .sums(sums), .p_sum(weight_sums));

  always @(posedge clk) begin
    // Pass 2.
    finish_q <= {finish_q[SUM+2:0], weigh_q[6] && !sinks_q[6] && weigh_word_q[5*WW +: WW] == last_word_q};
    weigh_q <= {weigh_q[5:1], pass2_q || sink_q};
    sinks_q <= {sinks_q[5:1], sink_q};
    weigh_word_q <= {weigh_word_q[5*WW-1:0], word2_q};
    if (best_valid && last_q[TREE+MOST+2]) begin
      pass2_q <= SINKS == 0;
      sink_q <= SINKS != 0;
      word2_q <= first_word_q;
    end else if (sink_q) begin
      sink_q <= 0;
      pass2_q <= 1;
    end else if (pass2_q) begin
      word2_q <= word2_q + 1;
      if (word2_q == last_word_q) pass2_q <= 0;
    end
    // Pass 1.
    if (best_valid)
      greatest_q <= (best_at_q != 0) ? greater(word_best, greatest_q) : (SINKS != 0) ? greater(word_best, sinks) : word_best;
    best_at_q <= write_q ? 0 : best_at_q + best_valid;
    score_at_q <= write_q ? 0 : score_at_q + score_valid;
    last_q <= {last_q[TREE+MOST+1:0], keys_last_q};
    keys_last_q <= pass1_q && word1_q == last_word_q;
    keys_valid_q <= pass1_q;
    keys_word_q <= word1_q;
    if (write_q) begin
      pass1_q <= 1;
      word1_q <= first_word_q;
    end else if (pass1_q) begin
      word1_q <= word1_q + 1;
      if (word1_q == last_word_q) pass1_q <= 0;
    end
    // Replay takes REPLAY beats; the last code stands 3 cycles after the last beat.
    write_q <= waiting_q && wait_count_q == REPLAY;
    if (go) begin
      base_q <= user * WORDS;
      first_q <= first_d;
      first_word_q <= first_d / P;
      last_word_q <= pos / P;
      waiting_q <= 1;
      wait_count_q <= 0;
    end else if (waiting_q) begin
      wait_count_q <= wait_count_q + 1;
      if (wait_count_q == REPLAY) waiting_q <= 0;
    end
    if (rst) begin
      waiting_q <= 0; write_q <= 0; pass1_q <= 0; pass2_q <= 0; sink_q <= 0; sinks_q <= 0; keys_valid_q <= 0; keys_last_q <= 0;
      last_q <= 0; weigh_q <= 0; finish_q <= 0;
    end
  end

  // Reciprocals, RL heads a cycle, then the outputs, V a cycle.
  wire finish = finish_q[SUM+2];
  reg recip_run_q;
  reg [RGW-1:0] group_q;         // of RL heads, that comes next
  wire recip = finish || recip_run_q;
  wire [RGW-1:0] group = recip_run_q ? group_q : 0;
  reg [4:1] recip_q;             // groups in the stages: sums; place in the table; its word; the slope's product
  reg [4*RGW-1:0] recip_group_q; // their numbers, stage 1 lowest
  reg [RL*PSB-1:0] weight_sum_q;
  reg [RL*ZB-1:0] group_excess_q;
  reg [RL*15-1:0] place_q;       // of the reciprocal in the table: 8 bits, and 7 bits between two words
  reg [HEADS*ZB-1:0] excess_q;   // bits of each head's sum of weights, less 16
  reg [HEADS*18-1:0] reciprocal_q;
  reg [3:0] delay_q;             // reciprocals on their way
  reg playing_q;
  reg [3:1] play_q;              // beats in the stages: sums; normalised; products with each digit
  reg [BW-1:0] beat_q, beat1_q;  // that is played; of stage 1
  reg [V*OSB-1:0] sum_q;
  reg [V*ZB-1:0] shift_q;
  reg [V*NB-1:0] normalised_q;
  reg [V*18-1:0] factor_q;
  reg [V*NP-1:0] product_q;
  reg out_valid_q, ovf_q;
  reg [V*OB-1:0] out_data_q;
  wire [RL*RECIP_VALUE-1:0] table_value;
  assign out_valid = out_valid_q;
  assign out_data = out_data_q;
  assign ovf = ovf_q;
  hw_interpolate #(
    .PORTS(RL), .INDEX_BITS(8), .FRACTION_BITS(7), .VALUE_BITS(RECIP_VALUE), .SLOPE_BITS(RECIP_SLOPE), .RESULT_STAGE(0), .FILE(RECIP)
  ) reciprocal (.clk(clk), .in_valid(recip_q[2]), .argument(place_q), .value(table_value));

  integer l, c, h;
  always @(posedge clk) begin
    // The outputs, last stage first.
    out_valid_q <= play_q[3];
    ovf_q <= score_ovf;
    if (play_q[3]) {ovf_q, out_data_q} <= outputs(product_q) | {score_ovf, {(V*OB){1'b0}}};
    if (play_q[2]) for (l = 0; l < V; l = l + 1)
      product_q[l*NP +: NP] <= by_reciprocal($signed(factor_q[l*18 +: 18]), $signed(normalised_q[l*NB +: NB]));
    if (play_q[1]) for (l = 0; l < V; l = l + 1) begin
      normalised_q[l*NB +: NB] <= normalised($signed(sum_q[l*OSB +: OSB]), shift_q[l*ZB +: ZB]);
      factor_q[l*18 +: 18] <= reciprocal_q[head_of(beat1_q, l)*18 +: 18];
    end
    if (playing_q) begin
      sum_q <= beat_sums(sums, beat_q);
      for (l = 0; l < V; l = l + 1) shift_q[l*ZB +: ZB] <= excess_q[head_of(beat_q, l)*ZB +: ZB];
    end
    play_q <= {play_q[2:1], playing_q};
    beat1_q <= beat_q;
    delay_q <= {delay_q[2:0], finish};
    if (delay_q[2]) begin
      playing_q <= 1;
      beat_q <= 0;
    end else if (playing_q) begin
      beat_q <= beat_q + 1;
      if (beat_q == QBEATS - 1) playing_q <= 0;
    end
    // The reciprocals, last stage first.
    if (recip_q[4]) for (h = 0; h < HEADS; h = h + 1) if (recip_group_q[3*RGW +: RGW] == h / RL)
      reciprocal_q[h*18 +: 18] <= $signed(table_value[(h%RL)*RECIP_VALUE +: RECIP_VALUE]);
    if (recip_q[1]) begin
      for (c = 0; c < RL; c = c + 1)
        place_q[c*15 +: 15] <= place_of(weight_sum_q[c*PSB +: PSB], group_excess_q[c*ZB +: ZB]);
      for (h = 0; h < HEADS; h = h + 1) if (recip_group_q[RGW-1:0] == h / RL) excess_q[h*ZB +: ZB] <= group_excess_q[(h%RL)*ZB +: ZB];
    end
    if (recip) begin
      {group_excess_q, weight_sum_q} <= group_sums(weight_sums, group);
      group_q <= group + 1;
      recip_run_q <= group != RG - 1;
    end
    recip_q <= {recip_q[3:1], recip};
    recip_group_q <= {recip_group_q[3*RGW-1:0], group};
    if (rst) begin
      recip_run_q <= 0; recip_q <= 0; delay_q <= 0; playing_q <= 0; play_q <= 0; out_valid_q <= 0; ovf_q <= 0;
    end
  end
endmodule
