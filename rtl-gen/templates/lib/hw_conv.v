// Short convolution (numerics, section 11): each element with its own last inputs, which are kept for every user. First beat out 5 cycles after
// the first beat in.
`include "hw_round.vh"
`include "hw_check.vh"
`include "hw_layers.vh"
module hw_conv #(
`ifdef HW_LAYERS
  parameter LAYERS = 1,          // layers that share the module, each with ROM of its own
  parameter LW = 1,              // bits of a layer's number
`endif
  parameter V = 8,               // lanes: elements a beat
  parameter LEN = 64,            // elements of the vector
  parameter TAPS = 4,            // positions that a value is made of, its own among them
  parameter USERS = 1,           // users whose inputs are kept
  parameter UW = 1,              // bits of a user number
  parameter POSW = 9,            // bits of a position
  parameter IB = 24,             // bits of an input element
  parameter OB = 24,             // bits of an output element
  parameter SHIFT = 15,          // shift to the right of a sum of products
  parameter WEIGHTS = ""         // image of the weights: a word a beat, TAPS of 16 bits a lane, the newest input's highest
) (
`ifdef HW_LAYERS
  input [LW-1:0] layer,          // which of them the token is in, from 0
`endif
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input [POSW-1:0] pos,          // position of the token, from 0; stands while it is in the station
  input [UW-1:0] user,           // number of its user; likewise
  input in_valid,                // a beat is on in_data
  input [V*IB-1:0] in_data,      // V elements of IB bits, signed, lane 0 lowest
  output out_valid,              // a beat is on out_data
  output [V*OB-1:0] out_data,    // V elements of OB bits, signed, lane 0 lowest
  output ovf                     // with out_valid: an element of the beat was too large for OB bits and was clamped
);
  `HW_REQUIRE(TAPS >= 2 && TAPS <= 4, hw_conv_takes_2_to_4_taps)
  `HW_REQUIRE((1 << UW) >= USERS, hw_conv_UW_is_too_small_for_USERS)
  localparam BEATS = (LEN + V - 1) / V;
  localparam BW = $clog2(BEATS + 1);
  localparam DEPTH = BEATS * USERS;
  localparam AW = (DEPTH > 1) ? $clog2(DEPTH) : 1;
  localparam PAST = TAPS - 1;
  localparam SB = IB + 16 + 3;
  localparam D = `HW_DIGITS(16);
  `HW_CUT(round, SB, SHIFT, OB)
  `HW_DIGIT(digit, 16)
  reg [BW-1:0] beat_q;           // beat that comes next
  reg [4:1] v_q;                 // stages that hold a beat: as memory gives it; inputs and weights; products; sum
  reg [AW-1:0] address_q;        // where the beat's state lies
  reg out_valid_q, ovf_q;
  reg [V*IB-1:0] x_q;
  reg [(PAST+1)*V*IB-1:0] inputs_q;
  reg [V*TAPS*16-1:0] weights_q;
  reg [V*OB-1:0] out_data_q;
  wire [BW-1:0] beat_d = (beat_q == BEATS - 1) ? 0 : beat_q + 1;
  wire [AW-1:0] address_d = user * BEATS + beat_q;
  wire [PAST*V*IB-1:0] kept;     // as memory has it: of the input m + 1 positions ago lane l at m * V + l
  wire [PAST*V*IB-1:0] past = (pos == 0) ? 0 : kept;
  wire [V*TAPS*16-1:0] weights;
  wire [V*OB-1:0] out_data_d;
  wire [V-1:0] clamped;
  wire [(PAST+1)*V*IB-1:0] moved = {past, x_q};
  assign out_valid = out_valid_q;
  assign out_data = out_data_q;
  assign ovf = ovf_q;
  hw_sram #(.WIDTH(PAST*V*IB), .DEPTH(DEPTH), .AW(AW)) state (
    .clk(clk), .we(v_q[1]), .waddr(address_q), .wdata(moved[PAST*V*IB-1:0]), .re(in_valid), .raddr(address_d), .rdata(kept));
`ifdef HW_LAYERS
  hw_layer_rom #(.LAYERS(LAYERS), .LW(LW), .WIDTH(V*TAPS*16), .DEPTH(BEATS), .AW(BW), .FILE(WEIGHTS)) weight_rom (.clk(clk), .layer(layer), .en(in_valid), .addr(beat_q), .data(weights));
`else
  hw_rom #(.WIDTH(V*TAPS*16), .DEPTH(BEATS), .AW(BW), .FILE(WEIGHTS)) weight_rom (.clk(clk), .en(in_valid), .addr(beat_q), .data(weights));
`endif

  genvar l, t, j;
  generate
    for (l = 0; l < V; l = l + 1) begin : lane
      wire signed [SB-1:0] sums [0:TAPS*D];
      reg signed [SB-1:0] sum_q;
      assign sums[0] = `HW_HALF(SHIFT);
      for (t = 0; t < TAPS; t = t + 1) begin : tap
        // The newest input is the last tap's.
        wire signed [IB-1:0] x = inputs_q[((TAPS-1-t)*V+l)*IB +: IB];
        wire signed [15:0] w = weights_q[(l*TAPS+t)*16 +: 16];
        for (j = 0; j < D; j = j + 1) begin : part
          reg signed [IB+9:0] part_q;
          wire signed [IB+9:0] part_d = x * digit(w, j);
          wire signed [SB-1:0] wide = part_q;
          assign sums[t*D+j+1] = sums[t*D+j] + (wide <<< (9*j));
          always @(posedge clk) if (v_q[2]) part_q <= part_d;
        end
      end
      wire [OB:0] y = round(sum_q);
      assign clamped[l] = y[OB];
      assign out_data_d[l*OB +: OB] = y[OB-1:0];
      always @(posedge clk) if (v_q[3]) sum_q <= sums[TAPS*D];
    end
  endgenerate

  always @(posedge clk) begin
    if (in_valid) begin
      x_q <= in_data;
      address_q <= address_d;
    end
    if (v_q[1]) begin
      inputs_q <= moved;
      weights_q <= weights;
    end
    if (v_q[4]) out_data_q <= out_data_d;
    if (rst) begin
      beat_q <= 0;
      v_q <= 0;
      out_valid_q <= 0;
      ovf_q <= 0;
    end else begin
      if (in_valid) beat_q <= beat_d;
      v_q <= {v_q[3:1], in_valid};
      out_valid_q <= v_q[4];
      ovf_q <= v_q[4] && |clamped;
    end
  end
endmodule
