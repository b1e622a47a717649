// Output stage of one matrix (numerics, section 6): sums the K-tiles of each lane, shifts, saturates, adds the bias.
// A beat of totals in cycle c leaves in c + 2 + max(1, ceil(log2 BANDS)), with a bias one later.
`include "hw_round.vh"
`include "hw_layers.vh"
module hw_mvm_out #(
`ifdef HW_LAYERS
  parameter LAYERS = 1,          // layers that share the module, each with ROM of its own
  parameter LW = 1,              // bits of a layer's number
`endif
  parameter V = 8,               // lanes: elements a beat
  parameter BEATS = 8,           // beats of the outputs
  parameter BANDS = 1,           // K-tiles, or groups in metal embedding, whose totals are added
  parameter TOT = 30,            // bits of a total
  parameter OB = 16,             // bits of an output element
  parameter SHIFT_BITS = 8,      // bits of an output's shift, signed
  parameter BIAS = 0,            // 1: a bias is added
  parameter SHIFTS = "",         // image of the shifts: a word a beat, V of SHIFT_BITS bits, signed
  parameter BIASES = ""          // image of the biases: a word a beat, V of 32 bits, signed
) (
`ifdef HW_LAYERS
  input [LW-1:0] layer,          // which of them the token is in, from 0
`endif
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input drain,                   // a beat of totals is on `totals`
  input [BANDS*V*TOT-1:0] totals, // band j, lane l at j * V + l, TOT bits, signed
  input [4:0] h,                 // bits by which the vector was shifted to the right: they are given back
  output out_valid,              // a beat is on out_data
  output [V*OB-1:0] out_data,    // V elements of OB bits, signed, lane 0 lowest
  output ovf                     // with out_valid: an element of the beat was too large for OB bits and was clamped
);
  localparam LEVELS = (BANDS > 2) ? $clog2(BANDS) : 1;
  localparam BW = $clog2(BEATS + 1);
  localparam SB = SHIFT_BITS + 1;
  `HW_ROUND(round, TOT, SB + 1, OB)
  `HW_BY(shift_by, SB)

  reg [LEVELS+2:1] stage;
  wire [LEVELS+2:0] v = {stage, drain}; // v[i]: stage i holds a beat; 0 is the input
  reg signed [TOT-1:0] lane [0:(LEVELS+1)*BANDS*V-1];
  reg [BW-1:0] at;
  wire [V*SHIFT_BITS-1:0] k;
  reg [SB:0] by [0:V-1];
  reg [OB:0] r;
  reg [V*OB-1:0] y, rounded;
  reg clamped, flag;
  integer i, l, n;
`ifdef HW_LAYERS
  hw_layer_rom #(.LAYERS(LAYERS), .LW(LW), .WIDTH(V*SHIFT_BITS), .DEPTH(BEATS), .AW(BW), .FILE(SHIFTS)) shifts (.clk(clk), .layer(layer), .en(v[LEVELS-1]), .addr(at), .data(k));
`else
  hw_rom #(.WIDTH(V*SHIFT_BITS), .DEPTH(BEATS), .AW(BW), .FILE(SHIFTS)) shifts (.clk(clk), .en(v[LEVELS-1]), .addr(at), .data(k));
`endif

  always @(posedge clk) begin
    stage <= v[LEVELS+1:0];
    flag <= 0;
    if (v[LEVELS-1]) at <= (at == BEATS - 1) ? 0 : at + 1;
    if (v[LEVELS+1]) begin
      clamped = 0;
      for (l = 0; l < V; l = l + 1) begin
        r = round(lane[LEVELS*BANDS*V + l], by[l]);
        clamped = clamped | r[OB];
        y[l*OB +: OB] = r[OB-1:0];
      end
      rounded <= y;
      flag <= clamped;
    end
    if (v[LEVELS]) for (l = 0; l < V; l = l + 1) by[l] = shift_by($signed(k[l*SHIFT_BITS +: SHIFT_BITS]) - $signed({1'b0, h}));
    for (n = LEVELS; n >= 1; n = n - 1)
      if (v[n])
        for (i = 0; i < ((BANDS + (1 << n) - 1) >> n); i = i + 1)
          for (l = 0; l < V; l = l + 1)
            lane[(n*BANDS+i)*V+l] = lane[((n-1)*BANDS+2*i)*V+l]
              + ((2*i + 1 < ((BANDS + (1 << (n-1)) - 1) >> (n-1))) ? lane[((n-1)*BANDS+2*i+1)*V+l] : 0);
    if (v[0]) for (l = 0; l < BANDS*V; l = l + 1) lane[l] = totals[l*TOT +: TOT];
    if (rst) begin
      stage <= 0; at <= 0; flag <= 0;
    end
  end

  generate
    if (BIAS != 0) begin : bias
      reg [BW-1:0] bias_at;
      reg valid, ovf_bias;
      reg [V*OB-1:0] out, biased;
      wire [V*32-1:0] b;
      reg signed [32:0] s, most;
      reg clamped2;
      integer j;
`ifdef HW_LAYERS
      hw_layer_rom #(.LAYERS(LAYERS), .LW(LW), .WIDTH(V*32), .DEPTH(BEATS), .AW(BW), .FILE(BIASES)) biases (
        .clk(clk), .layer(layer), .en(v[LEVELS+1]), .addr(bias_at), .data(b));
`else
      hw_rom #(.WIDTH(V*32), .DEPTH(BEATS), .AW(BW), .FILE(BIASES)) biases (
        .clk(clk), .en(v[LEVELS+1]), .addr(bias_at), .data(b));
`endif
      always @(posedge clk) begin
        valid <= v[LEVELS+2];
        ovf_bias <= 0;
        if (v[LEVELS+1]) bias_at <= (bias_at == BEATS - 1) ? 0 : bias_at + 1;
        if (v[LEVELS+2]) begin
          clamped2 = 0;
          most = 0;
          most[OB-2:0] = {(OB-1){1'b1}};
          for (j = 0; j < V; j = j + 1) begin
            s = $signed(rounded[j*OB +: OB]) + $signed(b[j*32 +: 32]);
            clamped2 = clamped2 | (s > most) | (s < -most);
            s = (s > most) ? most : (s < -most) ? -most : s;
            biased[j*OB +: OB] = s[OB-1:0];
          end
          out <= biased;
          ovf_bias <= flag | clamped2;
        end
        if (rst) begin
          bias_at <= 0; valid <= 0; ovf_bias <= 0;
        end
      end
      assign ovf = ovf_bias;
      assign out_valid = valid;
      assign out_data = out;
    end else begin : no_bias
      assign ovf = flag;
      assign out_valid = v[LEVELS+2];
      assign out_data = rounded;
    end
  endgenerate
endmodule
